package kube

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Check asks the API once what Run asks it, and returns how many pods the node has. missing is why the labels of namespaces can't be
// had, where they are asked for: pods are known without.
func Check(ctx context.Context, o Options) (pods int, missing, err error) {
	client, err := newClient(o.Kubeconfig)
	if err != nil {
		return 0, nil, err
	}
	p := New(o)
	p.source.client = client
	if pods, err = p.source.try(ctx); err == nil && p.spaces != nil {
		p.spaces.source.client = client
		_, missing = p.spaces.source.try(ctx)
	}
	return pods, missing, err
}

// Forbidden says that an error of Check is about missing rights.
func Forbidden(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

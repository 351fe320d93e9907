package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Check asks the API once what Run asks it, and returns how many pods the node has.
func Check(ctx context.Context, o Options) (pods int, err error) {
	client, err := newClient(o.Kubeconfig)
	if err != nil {
		return 0, err
	}
	p := &Pods{o: o, client: client}
	var list metav1.ListMeta
	if err := p.read(ctx, &metav1.ListOptions{ResourceVersion: "0"}, &list, func(*corev1.Pod) error { pods++; return nil }); err != nil {
		return 0, err
	}
	w, err := p.request(&metav1.ListOptions{Watch: true, ResourceVersion: list.ResourceVersion}).Watch(ctx)
	if err != nil {
		return 0, fmt.Errorf("watch pods: %w", err)
	}
	w.Stop()
	return pods, nil
}

// Forbidden says that an error of Check is about missing rights.
func Forbidden(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

package kube

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// The client knows pods only: a client set of all that Kubernetes has would double the binary.
var (
	scheme     = runtime.NewScheme()
	parameters = runtime.NewParameterCodec(scheme)
)

func init() {
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	utilruntime.Must(corev1.AddToScheme(scheme))
}

const protobuf = "application/vnd.kubernetes.protobuf"

func newClient(kubeconfig string) (*rest.RESTClient, error) {
	c, err := clientConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("access to the Kubernetes API: %w", err)
	}
	version := corev1.SchemeGroupVersion
	c.GroupVersion, c.APIPath = &version, "/api"
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.ContentType, c.AcceptContentTypes = protobuf, protobuf+",application/json"
	c.UserAgent = "logboom"
	return rest.RESTClientFor(c)
}

func clientConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		return rest.InClusterConfig()
	}
	return clientcmd.BuildConfigFromFlags("", kubeconfig)
}

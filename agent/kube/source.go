package kube

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	listTimeout  = 30 * time.Second // for a list: a server that hangs must be asked again
	watchTimeout = 15 * time.Minute // for a watch: the server ends it before, after 5 to 10 minutes
)

// source is one kind of object that the API is asked for, and whether it answers.
type source struct {
	client   *rest.RESTClient
	resource string
	fields   fields.Selector // nil: all of them
	lacking  string          // what that means for logs
	log      *slog.Logger

	mu     sync.Mutex // guards all below
	synced bool       // a list came through
	err    error      // of the last request; nil where it was answered
	errAt  time.Time  // when it was first not
}

// lists is how the informer asks: a list first and a watch then, which every API server can.
type lists struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is asked by the informer.
func (lists) IsWatchListSemanticsUnSupported() bool { return true }

// list makes a list of what keep makes of each object; nil is left out.
func (s *source) list(ctx context.Context, options *metav1.ListOptions, keep func(object []byte) (runtime.Object, error)) (runtime.Object, error) {
	bounded, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list := &items{}
	err := s.read(bounded, options, &list.ListMeta, func(object []byte) error {
		kept, err := keep(object)
		if err == nil && kept != nil {
			list.Items = append(list.Items, kept)
		}
		return err
	})
	s.note(ctx, err)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.synced = true
	s.mu.Unlock()
	return list, nil
}

// read asks for a list.
func (s *source) read(ctx context.Context, options *metav1.ListOptions, m *metav1.ListMeta, each func(object []byte) error) error {
	body, err := s.request(options).SetHeader("Accept", protobuf).Stream(ctx)
	if err == nil {
		defer body.Close()
		*m, err = readList(body, each)
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", s.resource, err)
	}
	return nil
}

func (s *source) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	bounded, cancel := context.WithCancel(ctx)
	time.AfterFunc(watchTimeout, cancel) // a server that hangs would hold it for ever
	options.Watch = true
	w, err := s.request(&options).Watch(bounded)
	s.note(ctx, err)
	return w, err
}

func (s *source) request(options *metav1.ListOptions) *rest.Request {
	if s.fields != nil {
		options.FieldSelector = s.fields.String()
	}
	return s.client.Get().Resource(s.resource).VersionedParams(options, parameters)
}

// try asks for a list and a watch, once, and returns how many objects there are.
func (s *source) try(ctx context.Context) (count int, err error) {
	var list metav1.ListMeta
	if err := s.read(ctx, &metav1.ListOptions{ResourceVersion: "0"}, &list, func([]byte) error { count++; return nil }); err != nil {
		return 0, err
	}
	w, err := s.request(&metav1.ListOptions{Watch: true, ResourceVersion: list.ResourceVersion}).Watch(ctx)
	if err != nil {
		return 0, fmt.Errorf("watch %s: %w", s.resource, err)
	}
	w.Stop()
	return count, nil
}

// note remembers whether the API answers, and logs when that changes. What ends because ctx is done says nothing about it.
func (s *source) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	was := s.err
	s.err = err
	if err != nil && was == nil {
		s.errAt = time.Now()
	}
	s.mu.Unlock()
	switch {
	case err != nil && was == nil:
		s.log.Warn(fmt.Sprintf("the Kubernetes API does not tell of %s; %s", s.resource, s.lacking), "error", err)
	case err == nil && was != nil:
		s.log.Info(fmt.Sprintf("the Kubernetes API tells of %s again", s.resource))
	}
}

// state says whether a list came through, and what is wrong since when.
func (s *source) state() (synced bool, trouble string, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		trouble, since = s.err.Error(), s.errAt
	}
	return s.synced, trouble, since
}

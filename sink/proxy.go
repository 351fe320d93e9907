package sink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// NoProxy as Config.Proxy stands for going straight to the backend, whatever the environment says.
const NoProxy = "none"

// CheckProxy says what is wrong with a Config.Proxy. Its error never quotes it: there may be a password in it.
func CheckProxy(proxy string) error {
	_, err := proxyFor(proxy)
	return err
}

// proxyFor returns what chooses a transport's proxy: that of the environment where proxy is "".
func proxyFor(proxy string) (func(*http.Request) (*url.URL, error), error) {
	switch proxy {
	case "":
		return http.ProxyFromEnvironment, nil
	case NoProxy:
		return nil, nil
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("not the URL of a proxy, such as http://proxy:3128")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return http.ProxyURL(u), nil
	}
	return nil, errors.New("a proxy is reached by http, https, socks5 or socks5h")
}

// errProxy says that a proxy does not let us through. Its text is ours, not the proxy's.
var errProxy = errors.New("the proxy does not connect us")

// connected looks at a proxy's answer to CONNECT, as the transport would tell no more than the text that stands in it.
func connected(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	switch {
	case answer.StatusCode == http.StatusProxyAuthRequired:
		return fmt.Errorf("%w: it does not accept our credentials (407)", errProxy)
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("%w (%d)", errProxy, answer.StatusCode)
	}
	return nil
}

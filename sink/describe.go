package sink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
)

// describe says in plain words why there was no answer. Error texts are not passed on where they may quote what the
// other side sent: that may be content of lines, or a secret.
func describe(err error) string {
	var (
		dns     *net.DNSError
		op      *net.OpError
		errno   syscall.Errno
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		expired x509.CertificateInvalidError
		record  tls.RecordHeaderError
		timeout interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, errAnswer), errors.Is(err, errProxy):
		return err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "given up"
	case errors.As(err, &op) && op.Op == "proxyconnect":
		if why := describe(op.Err); why != unknownFault {
			return "its proxy can't be reached: " + why
		}
		return "its proxy can't be reached"
	case errors.As(err, &dns):
		return "its host name is not known"
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet"
	case errors.As(err, &host):
		return "its certificate is for another host"
	case errors.As(err, &unknown), errors.As(err, &expired), errors.As(err, &verify):
		return "its certificate is not trusted"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS"
	case errors.As(err, &op) && op.Op == "remote error": // crypto/tls: an alert
		return "it ended the TLS handshake: it may want a client certificate, or another one"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no connection in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was cut"
	case errors.As(err, &op):
		return "the connection failed (" + op.Op + ")"
	}
	return unknownFault
}

const unknownFault = "the request got no proper answer"

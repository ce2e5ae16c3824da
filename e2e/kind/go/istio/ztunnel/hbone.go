package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// serve takes HBONE: HTTP/2 CONNECT over mTLS to an address of the pod, by whom policies let in.
func (p *pod) serve(listener net.Listener, secured *tls.Config) {
	server := http.Server{Handler: http.HandlerFunc(p.connect), TLSConfig: secured}
	fmt.Println("hbone:", server.ServeTLS(listener, "", ""))
}

func (p *pod) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	called, err := callOf(r)
	if err != nil {
		fmt.Println("hbone:", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if slices.Contains(own, called.to.Port()) {
		fmt.Println("hbone:", called, errOwn)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if !p.known.allows(called) {
		fmt.Println("hbone:", called, errRefused)
		w.WriteHeader(http.StatusUnauthorized) // as istio/ztunnel src/proxy/inbound.rs
		return
	}
	up, err := p.dial(r.Host)
	if err != nil {
		fmt.Println("hbone:", r.Host, err)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer up.Close()
	w.WriteHeader(http.StatusOK)
	down := flushing{w, http.NewResponseController(w)}
	_ = down.control.Flush()
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(up, r.Body)
		_ = up.CloseWrite()
	})
	_, _ = io.Copy(down, up)
	r.Body.Close()
	both.Wait()
}

// callOf is whose certificate it was, and where it wants to go: to this pod, whatever else there is.
func callOf(r *http.Request) (none connection, err error) {
	to, err := netip.ParseAddrPort(r.Host)
	if err != nil {
		return none, err
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return none, err
	}
	here := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr).AddrPort()
	if here.Addr().Unmap() != to.Addr() {
		return none, fmt.Errorf("%s asks %s for %s", from, here, to)
	}
	name := nameOf(*r.TLS)
	if name == "" {
		return none, fmt.Errorf("%s has no name in its certificate", from)
	}
	return connection{strings.TrimPrefix(name, "spiffe://"), from.Addr().Unmap(), to}, nil
}

// nameOf is who the other side of a connection is, by its certificate.
func nameOf(state tls.ConnectionState) string {
	if names := state.PeerCertificates[0].URIs; len(names) == 1 {
		return names[0].String()
	}
	return ""
}

// flushing sends every piece at once: the client waits for it.
type flushing struct {
	to      io.Writer
	control *http.ResponseController
}

func (f flushing) Write(data []byte) (int, error) {
	size, err := f.to.Write(data)
	if err != nil {
		return size, err
	}
	return size, f.control.Flush()
}

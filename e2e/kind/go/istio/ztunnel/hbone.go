package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

// serve takes HBONE: HTTP/2 CONNECT over mTLS to an address of the pod. Whoever has a certificate of the
// mesh gets in: there is no policy here.
func (p *pod) serve(listener net.Listener, secured *tls.Config) {
	server := http.Server{Handler: http.HandlerFunc(p.connect), TLSConfig: secured}
	fmt.Println("hbone:", server.ServeTLS(listener, "", ""))
}

func (p *pod) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		w.WriteHeader(http.StatusMethodNotAllowed)
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

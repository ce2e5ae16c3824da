package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// leaving is for how long it serves on after SIGTERM: proxies hear that a pod leaves a moment later than the
// pod itself, and call it until then.
const leaving = 5 * time.Second

// draining is for how long requests that are on their way are still answered then.
const draining = 5 * time.Second

// serve listens on every PORT/PROTOCOL until it is told to end; http and grpc take HTTP/1.1 and HTTP/2
// without TLS, tcp sends back what comes.
func serve(ports []string) error {
	end, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	failed := make(chan error, len(ports))
	var servers []*http.Server
	for _, one := range ports {
		port, protocol, _ := strings.Cut(one, "/")
		listener, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		if protocol == "tcp" {
			go echo(listener)
			continue
		}
		server := httpServer()
		servers = append(servers, server)
		go func() { failed <- server.Serve(listener) }()
	}
	select {
	case err := <-failed:
		return err
	case <-end.Done():
	}
	time.Sleep(leaving)
	late, cancel := context.WithTimeout(context.Background(), draining)
	defer cancel()
	for _, server := range servers {
		_ = server.Shutdown(late)
	}
	return nil
}

func httpServer() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{Handler: http.HandlerFunc(answer), Protocols: protocols}
}

// answer says yes to everything, in the manner of gRPC to those who ask so.
func answer(writer http.ResponseWriter, request *http.Request) {
	_, _ = io.Copy(io.Discard, request.Body)
	if strings.HasPrefix(request.Header.Get("Content-Type"), "application/grpc") {
		writer.Header().Set("Content-Type", "application/grpc")
		writer.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		_, _ = writer.Write(healthy)
		return
	}
	fmt.Fprintln(writer, "ok")
}

// healthy is grpc.health.v1.HealthCheckResponse{status: SERVING} in its frame: probes of type grpc ask for it.
var healthy = []byte{0, 0, 0, 0, 2, 8, 1}

func echo(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			_, _ = io.Copy(connection, connection)
		}()
	}
}

// What stands in for every application in a rehearsal (docs/rehearsal.md says what it must do):
//
//	standin serve PORT/PROTOCOL...
//	standin ok | once
//	standin call --delay=D --every=E --timeout=T    calls from standard input, a JSON object a line
package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Endpoints leave the proxies' tables a moment after a pod was told to end.
const drain = 5 * time.Second

func main() {
	switch {
	case len(os.Args) > 2 && os.Args[1] == "serve":
		serve(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == "serve": // nothing but callers run here
		serve(nil)
	case len(os.Args) > 1 && os.Args[1] == "ok":
	case len(os.Args) > 1 && os.Args[1] == "once":
		time.Sleep(time.Second)
	case len(os.Args) > 1 && os.Args[1] == "call":
		call(os.Args[2:])
	default:
		fail("serve PORT/PROTOCOL... | ok | once | call")
	}
}

func serve(ports []string) {
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	for _, one := range ports {
		port, protocol, _ := strings.Cut(one, "/")
		listener, err := net.Listen("tcp", ":"+port)
		if err != nil {
			fail(err.Error())
		}
		switch protocol {
		case "http":
			go func() { fail(pages().Serve(listener).Error()) }()
		case "grpc":
			server := grpc.NewServer()
			grpc_health_v1.RegisterHealthServer(server, health.NewServer())
			go func() { fail(server.Serve(listener).Error()) }()
		default:
			go echo(listener)
		}
	}
	<-ended.Done()
	time.Sleep(drain)
}

func pages() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }
	return &http.Server{Handler: http.HandlerFunc(answer), Protocols: protocols}
}

func echo(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err.Error())
		}
		go func() {
			defer connection.Close()
			_, _ = io.Copy(connection, connection)
		}()
	}
}

func fail(text string) {
	_, _ = os.Stderr.WriteString(text + "\n")
	os.Exit(1)
}

// The application of the test meshes: it serves HTTP, gRPC and TCP on the ports it is told, and calls.
//
//	echo serve http:8080 grpc:9090 tcp:7070
//	echo get METHOD URL              one request; the status and what the server saw
//	echo calls COUNT EVERY URL...    GETs at a steady pace, a line each: time, status, URL
//	echo dial HOST:PORT              one TCP connection; what the server wrote back
//	echo check URL|HOST:PORT         a probe: exit 0 when it answers 200, or accepts
//	echo exit CODE
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

const (
	patience = 3 * time.Second
	// Endpoints leave the proxies' tables a moment after a pod was told to end.
	drain = 5 * time.Second
)

func main() {
	if len(os.Args) < 2 {
		fail("serve | get | calls | dial | check | exit")
	}
	rest := os.Args[2:]
	switch os.Args[1] {
	case "serve":
		serve(rest)
	case "get":
		status, body := request(rest[0], rest[1])
		fmt.Println(status)
		fmt.Print(body)
	case "calls":
		calls(number(rest[0]), rest[1], rest[2:])
	case "dial":
		fmt.Println(dial(rest[0]))
	case "check":
		check(rest[0])
	case "exit":
		os.Exit(number(rest[0]))
	default:
		fail("unknown: " + os.Args[1])
	}
}

func serve(listeners []string) {
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	begun := time.Now()
	for _, one := range listeners {
		protocol, port, _ := strings.Cut(one, ":")
		listener, err := net.Listen("tcp", ":"+port)
		if err != nil {
			fail(err.Error())
		}
		switch protocol {
		case "http":
			go func() { fail(http.Serve(listener, pages(begun)).Error()) }()
		case "grpc":
			server := grpc.NewServer()
			grpc_health_v1.RegisterHealthServer(server, health.NewServer())
			go func() { fail(server.Serve(listener).Error()) }()
		case "tcp":
			go greet(listener)
		default:
			fail("unknown protocol " + protocol)
		}
	}
	fmt.Println("serving", listeners)
	<-ended.Done()
	time.Sleep(drain)
}

func pages(begun time.Time) http.Handler {
	host, _ := os.Hostname()
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if time.Since(begun) < time.Second { // not ready at once, as real ones are not
			http.Error(w, "warming up", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "host: %s\nfrom: %s\npath: %s\n", host, r.RemoteAddr, r.URL.Path)
		for name, values := range r.Header {
			fmt.Fprintf(w, "%s: %s\n", strings.ToLower(name), strings.Join(values, ","))
		}
	})
	return mux
}

func greet(listener net.Listener) {
	host, _ := os.Hostname()
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err.Error())
		}
		go func() {
			defer connection.Close()
			fmt.Fprintf(connection, "host: %s\n", host)
		}()
	}
}

// request returns the status, or 0 and the error.
func request(method, url string) (int, string) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	asked, err := http.NewRequest(method, url, nil)
	if err != nil {
		return 0, err.Error() + "\n"
	}
	reply, err := client.Do(asked)
	if err != nil {
		return 0, err.Error() + "\n"
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return 0, err.Error() + "\n"
	}
	return reply.StatusCode, string(body)
}

func calls(count int, every string, urls []string) {
	pace, err := time.ParseDuration(every)
	if err != nil {
		fail(err.Error())
	}
	ticks := time.NewTicker(pace)
	for range count {
		<-ticks.C
		for _, url := range urls {
			status, body := request(http.MethodGet, url)
			line := fmt.Sprint(time.Now().UTC().Format("15:04:05.000"), " ", status, " ", url)
			if status != http.StatusOK {
				line += " " + strings.ReplaceAll(strings.TrimSpace(body), "\n", " ")
			}
			fmt.Println(line)
		}
	}
}

func dial(address string) string {
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return "error: " + err.Error()
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	heard, err := io.ReadAll(connection)
	if err != nil {
		return "error: " + err.Error()
	}
	return strings.TrimSpace(string(heard))
}

func check(target string) {
	if strings.HasPrefix(target, "http") {
		if status, body := request(http.MethodGet, target); status != http.StatusOK {
			fail(fmt.Sprint(status, " ", body))
		}
		return
	}
	if answer := dial(target); strings.HasPrefix(answer, "error") || answer == "" {
		fail(answer)
	}
}

func number(text string) int {
	found, err := strconv.Atoi(text)
	if err != nil {
		fail(err.Error())
	}
	return found
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(1)
}

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// istio-cni's rules let packets with this mark pass (istio.io/istio/cni/pkg/config: InpodMark).
const mark = 1337

// ztunnel's ports in a pod: outbound, inbound plain text, inbound HBONE.
var ports = []string{":15001", ":15006", ":15008"}

type pod struct {
	namespace int
	listeners []net.Listener
}

// open listens in a pod. An old and a new ztunnel do so at the same time in a rolling restart.
func open(namespace int, secured *tls.Config) (*pod, error) {
	made := &pod{namespace: namespace}
	shared := net.ListenConfig{Control: option(unix.SO_REUSEPORT, 1)}
	err := inside(namespace, func() error {
		for _, port := range ports {
			listener, err := shared.Listen(context.Background(), "tcp4", "0.0.0.0"+port)
			if err != nil {
				return err
			}
			made.listeners = append(made.listeners, listener)
		}
		return nil
	})
	if err != nil {
		made.close()
		return nil, err
	}
	for _, listener := range made.listeners[:2] {
		go made.pass(listener)
	}
	go made.serve(made.listeners[2], secured)
	return made, nil
}

func (p *pod) close() {
	for _, listener := range p.listeners {
		listener.Close()
	}
	unix.Close(p.namespace)
}

func (p *pod) pass(listener net.Listener) {
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return
		}
		go p.forward(accepted.(*net.TCPConn))
	}
}

// forward carries one connection to where it was going before istio-cni's rules turned it.
func (p *pod) forward(down *net.TCPConn) {
	defer down.Close()
	address, err := destination(down)
	if err != nil {
		fmt.Println("no destination:", err)
		return
	}
	up, err := p.dial(address)
	if err != nil {
		fmt.Println(address, err)
		return
	}
	defer up.Close()
	go func() {
		_, _ = io.Copy(up, down)
		_ = up.CloseWrite()
	}()
	_, _ = io.Copy(down, up)
}

// dial connects from inside the pod's network.
func (p *pod) dial(address string) (made *net.TCPConn, err error) {
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: option(unix.SO_MARK, mark)}
	err = inside(p.namespace, func() error {
		opened, err := dialer.Dial("tcp4", address)
		if err != nil {
			return err
		}
		made = opened.(*net.TCPConn)
		return nil
	})
	return made, err
}

// inside runs f on a thread in a network namespace. The thread is never unlocked, so it ends there.
func inside(namespace int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(namespace, unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

func option(name, value int) func(string, string, syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) (err error) {
		if failed := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, name, value)
		}); failed != nil {
			return failed
		}
		return err
	}
}

// destination is SO_ORIGINAL_DST, a sockaddr_in that x/sys reads as the struct of the same size.
func destination(connection *net.TCPConn) (string, error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return "", err
	}
	var found *unix.IPv6Mreq
	if failed := raw.Control(func(fd uintptr) {
		found, err = unix.GetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IP, unix.SO_ORIGINAL_DST)
	}); failed != nil {
		return "", failed
	}
	if err != nil {
		return "", err
	}
	raw4 := found.Multiaddr
	address := net.IPv4(raw4[4], raw4[5], raw4[6], raw4[7])
	return fmt.Sprintf("%s:%d", address, int(raw4[2])<<8|int(raw4[3])), nil
}

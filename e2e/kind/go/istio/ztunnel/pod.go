package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// istio-cni's rules let packets with this mark pass (istio.io/istio/cni/pkg/config: InpodMark).
const mark = 1337

// ztunnel's ports in a pod: outbound, inbound plain text, inbound HBONE.
var own = []uint16{15001, 15006, hbonePort}

type pod struct {
	namespace int
	listeners []net.Listener
	calling   *tls.Config // as which it opens tunnels
	known     *told
}

// open listens in a pod. An old and a new ztunnel do so at the same time in a rolling restart.
func open(namespace int, serving, calling *tls.Config, known *told) (*pod, error) {
	made := &pod{namespace: namespace, calling: calling, known: known}
	shared := net.ListenConfig{Control: option(unix.SO_REUSEPORT, 1)}
	err := inside(namespace, func() error {
		for _, port := range own {
			listener, err := shared.Listen(context.Background(), "tcp4", fmt.Sprintf("0.0.0.0:%d", port))
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
	go made.take(made.listeners[0], made.outbound)
	go made.take(made.listeners[1], made.inbound)
	go made.serve(made.listeners[2], serving)
	return made, nil
}

func (p *pod) close() {
	for _, listener := range p.listeners {
		listener.Close()
	}
	unix.Close(p.namespace)
}

// take carries each connection to where it was going before istio-cni's rules turned it.
func (p *pod) take(listener net.Listener, to func(netip.AddrPort, *net.TCPConn) (stream, error)) {
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			down := accepted.(*net.TCPConn)
			defer down.Close()
			address, err := destination(down)
			if err != nil {
				fmt.Println("no destination:", err)
				return
			}
			up, err := to(address, down)
			if err != nil {
				fmt.Println(address, err)
				return
			}
			carry(down, up)
		}()
	}
}

// outbound is what the pod sends.
func (p *pod) outbound(to netip.AddrPort, _ *net.TCPConn) (stream, error) {
	way, err := p.known.way(to)
	if err != nil {
		return nil, err
	}
	return p.connected(way)
}

// inbound comes as plain text: nobody knows from whom.
func (p *pod) inbound(to netip.AddrPort, down *net.TCPConn) (stream, error) {
	if slices.Contains(own, to.Port()) {
		return nil, errOwn
	}
	source := down.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	if !p.known.allows(connection{source: source, to: to}) {
		return nil, errRefused
	}
	return p.dial(to.String())
}

var (
	errRefused = errors.New("refused by policy")
	errOwn     = errors.New("no port for calls")
)

func carry(down, up stream) {
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
func destination(connection *net.TCPConn) (none netip.AddrPort, err error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return none, err
	}
	var found *unix.IPv6Mreq
	if failed := raw.Control(func(fd uintptr) {
		found, err = unix.GetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IP, unix.SO_ORIGINAL_DST)
	}); failed != nil {
		return none, failed
	}
	if err != nil {
		return none, err
	}
	raw4 := found.Multiaddr
	address := netip.AddrFrom4([4]byte(raw4[4:8]))
	return netip.AddrPortFrom(address, uint16(raw4[2])<<8|uint16(raw4[3])), nil
}

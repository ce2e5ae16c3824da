package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"golang.org/x/net/http2"
	"istio.io/istio/pkg/workloadapi"
)

const hbonePort = 15008 // of pods; a waypoint's is told

// stream is one side of what is carried.
type stream interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// route is where a connection of the pod goes: to an address, or through a tunnel to one.
type route struct {
	address string   // of who is dialed
	through string   // what the tunnel is asked for; empty without one
	names   []string // whom the other end of the tunnel must be one of
}

var errNobody = errors.New("no healthy pod behind it")

// way is build_request of istio/ztunnel src/proxy/outbound.rs: to the waypoint of a Service if it has one, else
// to one of its pods; by HBONE where the other side takes it. What istiod does not tell of is let through.
func (t *told) way(to netip.AddrPort) (route, error) {
	if service := t.service(to.Addr()); service != nil {
		if service.Waypoint != nil {
			return t.waypoint(service.Waypoint, to)
		}
		if found := t.behind(service, uint32(to.Port())); len(found) > 0 {
			return tunnelled(found[rand.IntN(len(found))]), nil
		}
		if service.GetLoadBalancing().GetMode() != workloadapi.LoadBalancing_PASSTHROUGH {
			return route{}, errNobody
		}
		return route{address: to.String()}, nil
	}
	if workload := t.workload(to.Addr()); workload != nil {
		if workload.Waypoint != nil {
			return t.waypoint(workload.Waypoint, to)
		}
		return tunnelled(endpoint{workload, uint32(to.Port()), []string{identity(workload)}}), nil
	}
	return route{address: to.String()}, nil
}

// waypoint is a tunnel to one of its pods, which is asked for the address as it was called. Nobody gets past it.
func (t *told) waypoint(gateway *workloadapi.GatewayAddress, to netip.AddrPort) (route, error) {
	host := gateway.GetHostname()
	if service := t.named(host.GetNamespace() + "/" + host.GetHostname()); service != nil {
		if found := t.behind(service, gateway.HboneMtlsPort); len(found) > 0 {
			one := found[rand.IntN(len(found))]
			return route{one.address(), to.String(), one.names}, nil
		}
	}
	return route{}, errNobody
}

func tunnelled(to endpoint) route {
	if to.workload.TunnelProtocol != workloadapi.TunnelProtocol_HBONE {
		return route{address: to.address()}
	}
	return route{onPort(to.workload, hbonePort), to.address(), to.names}
}

// connected is the connection that a route stands for.
func (p *pod) connected(r route) (stream, error) {
	up, err := p.dial(r.address)
	if err != nil || r.through == "" {
		return up, err
	}
	made, err := p.tunnel(up, r)
	if err != nil {
		up.Close()
	}
	return made, err
}

// tunnel asks for the address by HTTP/2 CONNECT over mTLS, with the certificate of the pod.
func (p *pod) tunnel(up *net.TCPConn, r route) (stream, error) {
	secured := tls.Client(up, p.calling)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if other := nameOf(secured.ConnectionState()); !slices.Contains(r.names, other) {
		return nil, fmt.Errorf("%s is %q and not one of %q", r.address, other, r.names)
	}
	client, err := (&http2.Transport{}).NewClientConn(secured)
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	reply, err := client.RoundTrip(&http.Request{
		Method: http.MethodConnect,
		URL:    &url.URL{Scheme: "https", Host: r.through},
		Host:   r.through,
		Header: http.Header{},
		Body:   reader,
	})
	if err != nil {
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", r.through, reply.Status)
	}
	return &hbone{reply.Body, writer, secured}, nil
}

// hbone is the inside of a tunnel.
type hbone struct {
	io.ReadCloser
	down *io.PipeWriter
	link *tls.Conn
}

func (h *hbone) Write(data []byte) (int, error) { return h.down.Write(data) }

func (h *hbone) CloseWrite() error { return h.down.Close() }

func (h *hbone) Close() error {
	h.down.Close()
	h.ReadCloser.Close()
	return h.link.Close()
}

// Command oracle asks istiod, over delta xDS, what it tells a proxy.
//
// It reads questions from standard input and writes answers to standard output, one JSON document a
// line. A question names a node (envoy.config.core.v3.Node as JSON) and the types to watch; the stream
// is opened as that node, so the answer is what istiod computes for it. Routes and extension
// configurations that listeners name are asked for on the same stream.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	_ "github.com/cncf/xds/go/udpa/type/v1" // what a filter of the proxy itself is wrapped in
	_ "istio.io/api/envoy/extensions/stats"
	_ "istio.io/istio/pkg/config/xds" // registers the filters, so that Any becomes JSON
	_ "istio.io/istio/pkg/workloadapi"
	_ "istio.io/istio/pkg/workloadapi/security"
)

const (
	prefix        = "type.googleapis.com/"
	listenerType  = prefix + "envoy.config.listener.v3.Listener"
	routeType     = prefix + "envoy.config.route.v3.RouteConfiguration"
	extensionType = prefix + "envoy.config.core.v3.TypedExtensionConfig"
	clusterType   = prefix + "envoy.config.cluster.v3.Cluster"
	endpointType  = prefix + "envoy.config.endpoint.v3.ClusterLoadAssignment"
)

// question is one line of input.
type question struct {
	Node    json.RawMessage `json:"node"`
	Types   []string        `json:"types"`
	Timeout float64         `json:"timeout"` // seconds
	Stay    float64         `json:"stay"`    // seconds for which the stream stays open once all has come
	Brief   bool            `json:"brief"`   // of clusters only their type and what they send

	// Endpoints asks for those of every cluster too, which are asked for by name
	Endpoints bool `json:"endpoints"`
}

// answer is one line of output: resources by type and name.
type answer struct {
	Resources map[string]map[string]json.RawMessage `json:"resources"`
	Error     string                                `json:"error,omitempty"`
}

func main() {
	address := flag.String("address", "", "istiod's plaintext gRPC address")
	flag.Parse()
	if err := serve(*address); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(address string) error {
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := discovery.NewAggregatedDiscoveryServiceClient(conn)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		if err := out.Encode(reply(client, lines.Bytes())); err != nil {
			return err
		}
	}
	return lines.Err()
}

func reply(client discovery.AggregatedDiscoveryServiceClient, line []byte) answer {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return answer{Error: err.Error()}
	}
	node := &core.Node{}
	if err := protojson.Unmarshal(q.Node, node); err != nil {
		return answer{Error: err.Error()}
	}
	ctx, cancel := context.WithTimeout(context.Background(), seconds(q.Timeout+q.Stay))
	defer cancel()
	stream, err := client.DeltaAggregatedResources(ctx)
	if err != nil {
		return answer{Error: err.Error()}
	}
	s := &session{stream: stream, node: node, brief: q.Brief, endpoints: q.Endpoints,
		found: map[string]map[string]json.RawMessage{}}
	if err := s.ask(q.Types); err != nil {
		return answer{Error: err.Error()}
	}
	if q.Stay > 0 {
		time.AfterFunc(seconds(q.Stay), cancel)
		if err := s.stay(); ctx.Err() == nil {
			return answer{Error: err.Error()}
		}
	}
	return answer{Resources: s.found}
}

// session is one stream, from its first request until everything that was asked for has come.
type session struct {
	stream    discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	node      *core.Node
	brief     bool
	endpoints bool
	pending   []string
	found     map[string]map[string]json.RawMessage
}

func (s *session) ask(types []string) error {
	for _, t := range types {
		if err := s.subscribe(t, []string{"*"}); err != nil {
			return err
		}
	}
	for len(s.pending) > 0 {
		response, err := s.stream.Recv()
		if err != nil {
			return fmt.Errorf("no answer for %v: %w", s.pending, err)
		}
		if err := s.take(response); err != nil {
			return err
		}
	}
	return nil
}

// stay takes what is pushed until the stream ends, and says why it ended.
func (s *session) stay() error {
	for {
		response, err := s.stream.Recv()
		if err != nil {
			return err
		}
		if err := s.take(response); err != nil {
			return err
		}
	}
}

func seconds(count float64) time.Duration {
	return time.Duration(count * float64(time.Second))
}

func (s *session) subscribe(t string, names []string) error {
	s.pending = append(s.pending, t)
	s.found[t] = map[string]json.RawMessage{}
	request := &discovery.DeltaDiscoveryRequest{Node: s.node, TypeUrl: t, ResourceNamesSubscribe: names}
	s.node = nil // only the first request of a stream carries it
	return s.stream.Send(request)
}

func (s *session) take(response *discovery.DeltaDiscoveryResponse) error {
	t := response.TypeUrl
	s.pending = slices.DeleteFunc(s.pending, func(one string) bool { return one == t })
	var routes, extensions, loads []string
	for _, resource := range response.Resources {
		message, err := resource.Resource.UnmarshalNew()
		if err != nil {
			return err
		}
		if c, ok := message.(*cluster.Cluster); ok {
			if s.endpoints && c.EdsClusterConfig != nil {
				loads = append(loads, cmp.Or(c.EdsClusterConfig.ServiceName, c.Name))
			}
			if s.brief {
				message = sending(c)
			}
		}
		text, err := protojson.Marshal(message)
		if err != nil {
			return err
		}
		s.found[t][resource.Name] = text
		if l, ok := message.(*listener.Listener); ok {
			r, e, err := names(l)
			if err != nil {
				return err
			}
			routes, extensions = append(routes, r...), append(extensions, e...)
		}
	}
	ack := &discovery.DeltaDiscoveryRequest{TypeUrl: t, ResponseNonce: response.Nonce}
	if err := s.stream.Send(ack); err != nil {
		return err
	}
	switch t {
	case listenerType:
		return errors.Join(s.follow(routeType, routes), s.follow(extensionType, extensions))
	case clusterType:
		return s.follow(endpointType, loads)
	}
	return nil
}

// sending is what a cluster says of how it sends, without certificates and balancing.
func sending(c *cluster.Cluster) *cluster.Cluster {
	brief := &cluster.Cluster{Name: c.Name, ClusterDiscoveryType: c.ClusterDiscoveryType}
	if c.TransportSocket != nil {
		brief.TransportSocket = &core.TransportSocket{Name: c.TransportSocket.Name}
	}
	for _, match := range c.TransportSocketMatches {
		brief.TransportSocketMatches = append(brief.TransportSocketMatches,
			&cluster.Cluster_TransportSocketMatch{Name: match.Name, Match: match.Match})
	}
	return brief
}

func (s *session) follow(t string, wanted []string) error {
	slices.Sort(wanted)
	if wanted = slices.Compact(wanted); len(wanted) == 0 {
		return nil
	}
	return s.subscribe(t, wanted)
}

// names gives what a listener refers to by name: routes and extension configurations.
func names(l *listener.Listener) (routes, extensions []string, err error) {
	chains := l.FilterChains
	if l.DefaultFilterChain != nil {
		chains = append(slices.Clone(chains), l.DefaultFilterChain)
	}
	for _, chain := range chains {
		for _, filter := range chain.Filters {
			if filter.GetConfigDiscovery() != nil {
				extensions = append(extensions, filter.Name)
			}
			manager := &hcm.HttpConnectionManager{}
			if !filter.GetTypedConfig().MessageIs(manager) {
				continue
			}
			if err := filter.GetTypedConfig().UnmarshalTo(manager); err != nil {
				return nil, nil, err
			}
			if rds := manager.GetRds(); rds != nil {
				routes = append(routes, rds.RouteConfigName)
			}
			for _, inner := range manager.HttpFilters {
				if inner.GetConfigDiscovery() != nil {
					extensions = append(extensions, inner.Name)
				}
			}
		}
	}
	return routes, extensions, nil
}

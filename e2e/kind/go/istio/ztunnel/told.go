package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"
	"istio.io/istio/pkg/workloadapi"
	"istio.io/istio/pkg/workloadapi/security"
)

const (
	addressType       = "type.googleapis.com/istio.workload.Address"
	authorizationType = "type.googleapis.com/istio.security.Authorization"
)

// told is what istiod tells every ztunnel: workloads, Services and policies, by the names of its resources.
type told struct {
	mu        sync.RWMutex
	workloads map[string]*workloadapi.Workload
	services  map[string]*workloadapi.Service
	policies  map[string]*security.Authorization
	came      map[string]bool // the types of which something has come
}

func listen() *told {
	made := &told{
		workloads: map[string]*workloadapi.Workload{},
		services:  map[string]*workloadapi.Service{},
		policies:  map[string]*security.Authorization{},
		came:      map[string]bool{},
	}
	go func() {
		for { // istiod restarts now and then; what it told last holds until it tells again
			fmt.Println("istiod:", made.session())
			time.Sleep(time.Second)
		}
	}()
	return made
}

func (t *told) synced() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.came[addressType] && t.came[authorizationType]
}

// session is one stream of delta xDS, as the node that ztunnel is.
func (t *told) session() error {
	trusted, err := roots()
	if err != nil {
		return err
	}
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return err
	}
	secured := credentials.NewTLS(&tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12})
	link, err := grpc.NewClient(os.Getenv("CA_ADDRESS"), grpc.WithTransportCredentials(secured),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)))
	if err != nil {
		return err
	}
	defer link.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx,
		"authorization", "Bearer "+strings.TrimSpace(string(token)),
		"clusterid", os.Getenv("ISTIO_META_CLUSTER_ID"))
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(link).DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	node, err := self()
	if err != nil {
		return err
	}
	for _, kind := range []string{addressType, authorizationType} {
		asked := &discovery.DeltaDiscoveryRequest{Node: node, TypeUrl: kind, ResourceNamesSubscribe: []string{"*"}}
		if err := stream.Send(asked); err != nil {
			return err
		}
		node = nil // only the first request of a stream carries it
	}
	fresh := map[string]bool{}
	for {
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := t.take(answer, !fresh[answer.TypeUrl]); err != nil {
			return err
		}
		fresh[answer.TypeUrl] = true
		ack := &discovery.DeltaDiscoveryRequest{TypeUrl: answer.TypeUrl, ResponseNonce: answer.Nonce}
		if err := stream.Send(ack); err != nil {
			return err
		}
	}
}

// take puts an answer in place; the first of a stream says all that there is.
func (t *told) take(answer *discovery.DeltaDiscoveryResponse, whole bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if whole && answer.TypeUrl == addressType {
		clear(t.workloads)
		clear(t.services)
	}
	if whole && answer.TypeUrl == authorizationType {
		clear(t.policies)
	}
	for _, name := range answer.RemovedResources {
		switch answer.TypeUrl {
		case addressType: // a name is of one or the other
			delete(t.workloads, name)
			delete(t.services, name)
		case authorizationType:
			delete(t.policies, name)
		}
	}
	for _, one := range answer.Resources {
		message, err := one.Resource.UnmarshalNew()
		if err != nil {
			return err
		}
		switch found := message.(type) {
		case *workloadapi.Address:
			if workload := found.GetWorkload(); workload != nil {
				t.workloads[one.Name] = workload
			}
			if service := found.GetService(); service != nil {
				t.services[one.Name] = service
			}
		case *security.Authorization:
			t.policies[one.Name] = found
		}
	}
	t.came[answer.TypeUrl] = true
	return nil
}

// workload is that of a pod's address; those of a node share its address, and no address is theirs.
func (t *told) workload(address netip.Addr) *workloadapi.Workload {
	t.mu.RLock()
	defer t.mu.RUnlock()
	raw := address.AsSlice()
	own := func(one []byte) bool { return slices.Equal(one, raw) }
	for _, one := range t.workloads {
		if one.NetworkMode != workloadapi.NetworkMode_HOST_NETWORK && slices.ContainsFunc(one.Addresses, own) {
			return one
		}
	}
	return nil
}

// service is that of a virtual address.
func (t *told) service(address netip.Addr) *workloadapi.Service {
	t.mu.RLock()
	defer t.mu.RUnlock()
	raw := address.AsSlice()
	for _, one := range t.services {
		own := func(n *workloadapi.NetworkAddress) bool { return slices.Equal(n.Address, raw) }
		if slices.ContainsFunc(one.Addresses, own) {
			return one
		}
	}
	return nil
}

// named is the Service of a name of its resource, namespace/hostname.
func (t *told) named(name string) *workloadapi.Service {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.services[name]
}

// behind are the workloads of a Service that can be sent to, with what they call the port.
func (t *told) behind(service *workloadapi.Service, port uint32) (found []endpoint) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := service.GetLoadBalancing().GetHealthPolicy() == workloadapi.LoadBalancing_ALLOW_ALL
	for _, one := range t.workloads {
		ports := one.Services[service.Namespace+"/"+service.Hostname]
		healthy := all || one.Status == workloadapi.WorkloadStatus_HEALTHY
		if ports == nil || !healthy || len(one.Addresses) == 0 {
			continue
		}
		for _, p := range ports.Ports {
			if p.ServicePort == port && p.TargetPort != 0 {
				names := append([]string{identity(one)}, service.SubjectAltNames...)
				found = append(found, endpoint{one, p.TargetPort, names})
			}
		}
	}
	return found
}

// endpoint is one pod that serves, where, and who may say that it is this.
type endpoint struct {
	workload *workloadapi.Workload
	port     uint32
	names    []string
}

// identity is the name in a workload's certificate.
func identity(workload *workloadapi.Workload) string {
	return fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", cmp.Or(workload.TrustDomain, "cluster.local"),
		workload.Namespace, cmp.Or(workload.ServiceAccount, "default"))
}

func (e endpoint) address() string { return onPort(e.workload, e.port) }

func onPort(workload *workloadapi.Workload, port uint32) string {
	address, _ := netip.AddrFromSlice(workload.Addresses[0])
	return netip.AddrPortFrom(address, uint16(port)).String()
}

// self is the node that ztunnel says it is (istio/ztunnel src/xds/client.rs).
func self() (*core.Node, error) {
	namespace := os.Getenv("POD_NAMESPACE")
	data, err := structpb.NewStruct(map[string]any{
		"NAME": os.Getenv("POD_NAME"), "NAMESPACE": namespace, "NODE_NAME": os.Getenv("NODE_NAME"),
		"CLUSTER_ID": os.Getenv("ISTIO_META_CLUSTER_ID"),
	})
	id := fmt.Sprintf("ztunnel~%s~%s.%s~%s.svc.cluster.local", os.Getenv("INSTANCE_IP"), os.Getenv("POD_NAME"),
		namespace, namespace)
	return &core.Node{Id: id, Metadata: data}, err
}

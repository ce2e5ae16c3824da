// A stand-in for ztunnel, which is a Rust program and in no Go module. It takes pods from istio-cni's agent
// by the real protocol (istio.io/istio/pkg/zdsapi), listens in their network namespaces on ztunnel's ports,
// and takes and sends HBONE with a certificate of the pod's identity. From istiod it has, by the real protocol
// too, workloads, Services with their waypoints, and policies, STRICT among them, which it keeps for every new
// connection. How it decides is written down after ztunnel's sources and is simulated; it answers no names, has
// no metrics, keeps connections that a later policy would refuse, and knows neither other networks nor
// localities.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
	"istio.io/istio/pkg/zdsapi"
)

const agent = "/var/run/ztunnel/ztunnel.sock"

// node is what this program holds: the pods by their uid.
type node struct {
	mu     sync.Mutex
	pods   map[string]*pod
	synced atomic.Bool
	known  *told
}

func main() {
	here := &node{pods: map[string]*pod{}, known: listen()}
	http.HandleFunc("/healthz/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !here.synced.Load() || !here.known.synced() {
			http.Error(w, "the agent or istiod has not told everything yet", http.StatusServiceUnavailable)
		}
	})
	go func() {
		fmt.Println(http.ListenAndServe(":15021", nil))
		os.Exit(1)
	}()
	for { // the agent restarts now and then; the pods stay as they are
		fmt.Println("agent:", here.session())
		time.Sleep(time.Second)
	}
}

// session speaks with the agent until one of them ends.
func (n *node) session() error {
	link, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: agent, Net: "unixpacket"})
	if err != nil {
		return err
	}
	defer link.Close()
	if err := send(link, &zdsapi.ZdsHello{Version: zdsapi.Version_V1}); err != nil {
		return err
	}
	data, control := make([]byte, 1<<16), make([]byte, 1<<10)
	for {
		size, controlSize, _, _, err := link.ReadMsgUnix(data, control)
		if err != nil {
			return err
		}
		ack := &zdsapi.Ack{}
		if err := n.handle(data[:size], descriptor(control[:controlSize])); err != nil {
			fmt.Println("refused:", err)
			ack.Error = err.Error()
		}
		reply := &zdsapi.WorkloadResponse{Payload: &zdsapi.WorkloadResponse_Ack{Ack: ack}}
		if err := send(link, reply); err != nil {
			return err
		}
	}
}

func (n *node) handle(data []byte, namespace int) error {
	var asked zdsapi.WorkloadRequest
	if err := proto.Unmarshal(data, &asked); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case asked.GetAdd() != nil:
		uid := asked.GetAdd().GetUid()
		n.drop(uid)
		serving, calling, err := credentialsOf(asked.GetAdd().GetWorkloadInfo())
		if err != nil {
			return err
		}
		added, err := open(namespace, serving, calling, n.known)
		if err != nil {
			return err
		}
		n.pods[uid] = added
		fmt.Println("added", uid, asked.GetAdd().GetWorkloadInfo().GetName())
	case asked.GetDel() != nil:
		n.drop(asked.GetDel().GetUid())
		fmt.Println("deleted", asked.GetDel().GetUid())
	case asked.GetSnapshotSent() != nil:
		n.synced.Store(true)
	}
	return nil
}

func (n *node) drop(uid string) {
	if known := n.pods[uid]; known != nil {
		known.close()
		delete(n.pods, uid)
	}
}

func send(link *net.UnixConn, message proto.Message) error {
	data, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	_, err = link.Write(data)
	return err
}

// descriptor is the pod's network namespace, which comes beside the message; -1 without one.
func descriptor(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) == 0 {
		return -1
	}
	found, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(found) == 0 {
		return -1
	}
	return found[0]
}

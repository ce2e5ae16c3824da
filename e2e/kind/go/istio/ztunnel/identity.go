package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"
	pb "istio.io/api/security/v1alpha1"
	"istio.io/istio/pkg/zdsapi"
)

const (
	rootFile  = "/var/run/secrets/istio/root-cert.pem"
	tokenFile = "/var/run/secrets/tokens/istio-token"
	lifetime  = 12 * time.Hour // no test lasts that long: nothing is renewed
)

// credentialsOf are the TLS sides of one pod, as it serves and as it calls: a certificate of its identity,
// and the other side must have one too. Of whom the other side's is, policies ask.
func credentialsOf(workload *zdsapi.WorkloadInfo) (serving, calling *tls.Config, err error) {
	identity := fmt.Sprintf("spiffe://cluster.local/ns/%s/sa/%s", workload.GetNamespace(), workload.GetServiceAccount())
	trusted, err := roots()
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	chain, err := sign(identity, key, trusted)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	pair, err := tls.X509KeyPair(chain, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	if err != nil {
		return nil, nil, err
	}
	serving = &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientCAs:    trusted,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		NextProtos:   []string{"h2"},
		MinVersion:   tls.VersionTLS13,
	}
	calling = &tls.Config{
		Certificates:       []tls.Certificate{pair},
		InsecureSkipVerify: true, // no host's name is in it: what is asked instead follows
		VerifyConnection:   func(s tls.ConnectionState) error { return signedBy(trusted, s.PeerCertificates) },
		NextProtos:         []string{"h2"},
		MinVersion:         tls.VersionTLS13,
	}
	return serving, calling, nil
}

func signedBy(trusted *x509.CertPool, chain []*x509.Certificate) error {
	between := x509.NewCertPool()
	for _, one := range chain[1:] {
		between.AddCert(one)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: trusted, Intermediates: between})
	return err
}

func roots() (*x509.CertPool, error) {
	root, err := os.ReadFile(rootFile)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(root) {
		return nil, errors.New("no certificate in " + rootFile)
	}
	return trusted, nil
}

// sign asks istiod as ztunnel does: with its own token, on behalf of a pod of its node
// (istio.io/istio/security/pkg/server/ca/node_auth.go decides).
func sign(identity string, key *ecdsa.PrivateKey, trusted *x509.CertPool) ([]byte, error) {
	uri, err := url.Parse(identity)
	if err != nil {
		return nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{uri}}, key)
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, err
	}
	secured := credentials.NewTLS(&tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12})
	link, err := grpc.NewClient(os.Getenv("CA_ADDRESS"), grpc.WithTransportCredentials(secured))
	if err != nil {
		return nil, err
	}
	defer link.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx,
		"authorization", "Bearer "+strings.TrimSpace(string(token)),
		"clusterid", os.Getenv("ISTIO_META_CLUSTER_ID"))
	reply, err := pb.NewIstioCertificateServiceClient(link).CreateCertificate(ctx, &pb.IstioCertificateRequest{
		Csr:              string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request})),
		ValidityDuration: int64(lifetime.Seconds()),
		Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{
			"ImpersonatedIdentity": structpb.NewStringValue(identity),
		}},
	})
	if err != nil {
		return nil, err
	}
	var chain bytes.Buffer
	for _, one := range reply.GetCertChain() {
		chain.WriteString(strings.TrimSpace(one) + "\n")
	}
	return chain.Bytes(), nil
}

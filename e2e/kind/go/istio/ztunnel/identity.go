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

// credentialsOf is the TLS side of one pod: a certificate of its identity, and callers must have one too.
func credentialsOf(workload *zdsapi.WorkloadInfo) (*tls.Config, error) {
	identity := fmt.Sprintf("spiffe://cluster.local/ns/%s/sa/%s", workload.GetNamespace(), workload.GetServiceAccount())
	root, err := os.ReadFile(rootFile)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(root) {
		return nil, errors.New("no certificate in " + rootFile)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	chain, err := sign(identity, key, trusted)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(chain, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientCAs:    trusted,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		NextProtos:   []string{"h2"},
		MinVersion:   tls.VersionTLS13,
	}, nil
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

package main

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"istio.io/istio/pkg/workloadapi"
	"istio.io/istio/pkg/workloadapi/security"
)

// patience is for how long a pod that istiod has not told of yet is waited for.
const patience = 3 * time.Second

// connection is what policies are asked about. Without mTLS there is no principal.
type connection struct {
	principal string // trust domain/ns/…/sa/…
	source    netip.Addr
	to        netip.AddrPort
}

// allows is assert_rbac of istio/ztunnel src/state.rs: a DENY that matches refuses; where there is an ALLOW
// one must match. Nothing is known of a pod that istiod does not tell of, so nobody gets to it.
func (t *told) allows(c connection) bool {
	workload := t.workload(c.to.Addr())
	for end := time.Now().Add(patience); workload == nil && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
		workload = t.workload(c.to.Addr())
	}
	if workload == nil {
		return false
	}
	allowing, allowed := false, false
	for _, policy := range t.bound(workload) {
		met := slices.ContainsFunc(policy.Groups, c.meets)
		if policy.Action == security.Action_DENY && met {
			return false
		}
		if policy.Action == security.Action_ALLOW {
			allowing, allowed = true, allowed || met
		}
	}
	return allowed || !allowing
}

// bound are the policies of all workloads, of the workload's namespace, and those that select it.
func (t *told) bound(workload *workloadapi.Workload) (found []*security.Authorization) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, one := range t.policies {
		own := slices.Contains(workload.AuthorizationPolicies, one.Namespace+"/"+one.Name)
		everywhere := one.Scope == security.Scope_GLOBAL
		there := one.Scope == security.Scope_NAMESPACE && one.Namespace == workload.Namespace
		if !one.DryRun && (own || everywhere || there) {
			found = append(found, one)
		}
	}
	return found
}

// meets is Authorization::matches of src/rbac.rs: every rule of the group, of a rule any match.
func (c connection) meets(group *security.Group) bool {
	return !slices.ContainsFunc(group.Rules, func(rule *security.Rules) bool {
		return len(rule.Matches) > 0 && !slices.ContainsFunc(rule.Matches, c.holds)
	})
}

// holds asks each kind of condition: of its values one must be so, of those of a `not` none. A match
// without any condition is never met.
func (c connection) holds(m *security.Match) bool {
	namespace, account := "", ""
	if parts := strings.Split(c.principal, "/"); len(parts) == 5 {
		namespace, account = parts[2], parts[4]
	}
	is := func(value string) func(*security.StringMatch) bool {
		return func(wanted *security.StringMatch) bool { return value != "" && matches(wanted, value) }
	}
	of := func(wanted *security.ServiceAccountMatch) bool {
		return account != "" && wanted.Namespace == namespace && wanted.ServiceAccount == account
	}
	in := func(address netip.Addr) func(*security.Address) bool {
		return func(wanted *security.Address) bool {
			network, known := netip.AddrFromSlice(wanted.Address)
			return known && netip.PrefixFrom(network, int(wanted.Length)).Contains(address)
		}
	}
	at := func(port uint32) bool { return port == uint32(c.to.Port()) }
	found := []answer{
		ask(m.Namespaces, m.NotNamespaces, is(namespace)),
		ask(m.ServiceAccounts, m.NotServiceAccounts, of),
		ask(m.Principals, m.NotPrincipals, is(c.principal)),
		ask(m.SourceIps, m.NotSourceIps, in(c.source)),
		ask(m.DestinationIps, m.NotDestinationIps, in(c.to.Addr())),
		ask(m.DestinationPorts, m.NotDestinationPorts, at),
	}
	return slices.Contains(found, holds) && !slices.Contains(found, fails)
}

// answer of one kind of condition.
type answer int

const (
	unasked answer = iota
	holds
	fails
)

func ask[T any](values, not []T, is func(T) bool) answer {
	if len(values)+len(not) == 0 {
		return unasked
	}
	if len(values) > 0 && !slices.ContainsFunc(values, is) || slices.ContainsFunc(not, is) {
		return fails
	}
	return holds
}

func matches(wanted *security.StringMatch, value string) bool {
	switch kind := wanted.MatchType.(type) {
	case *security.StringMatch_Exact:
		return value == kind.Exact
	case *security.StringMatch_Prefix:
		return strings.HasPrefix(value, kind.Prefix)
	case *security.StringMatch_Suffix:
		return strings.HasSuffix(value, kind.Suffix)
	case *security.StringMatch_Presence:
		return true
	}
	return false
}

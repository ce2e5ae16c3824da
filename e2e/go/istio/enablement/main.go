// Command enablement answers, with istio-cni's own code, whether a pod would be enrolled in ambient.
//
// It reads questions from standard input and writes answers to standard output, one JSON document a
// line. What it calls is what the node agent and the CNI plugin call; what they do around it (watching
// pods, retrying, programming rules) is not here.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"istio.io/istio/cni/pkg/util"
)

// question is one line of input; the first two fields are as the ConfigMap istio-cni-config has them.
type question struct {
	Selectors       string            `json:"selectors"`
	Excluded        string            `json:"excluded"`
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Pod             corev1.Pod        `json:"pod"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	out := bufio.NewWriter(os.Stdout)
	for lines.Scan() {
		enrolled, err := answer(lines.Bytes())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Fprintln(out, enrolled)
	}
	if err := errors.Join(lines.Err(), out.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(line []byte) (bool, error) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return false, err
	}
	var selectors []util.EnablementSelector
	if err := yaml.Unmarshal([]byte(asked.Selectors), &selectors); err != nil {
		return false, err
	}
	compiled, err := util.NewCompiledEnablementSelectors(selectors)
	if err != nil {
		return false, err
	}
	if slices.Contains(util.SplitExcludeNamespaces(asked.Excluded), asked.Pod.Namespace) {
		return false, nil
	}
	return compiled.Matches(&asked.Pod, asked.NamespaceLabels), nil
}

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// asked is one call, as the rehearsal describes it; what it does not use is left out here.
type asked struct {
	ID     string             `json:"id"`
	Host   string             `json:"host"`
	Port   int                `json:"port"`
	HTTP   bool               `json:"http"`
	Values map[string]*string `json:"values"`
}

// call makes every call again and again, each in its own time, and prints [id, answer, by].
func call(in io.Reader, out io.Writer, delay, every, timeout time.Duration) error {
	var calls []asked
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one asked
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return err
		}
		calls = append(calls, one)
	}
	if err := lines.Err(); err != nil || len(calls) == 0 {
		return err
	}
	time.Sleep(delay)
	var lock sync.Mutex
	printer := json.NewEncoder(out)
	var all sync.WaitGroup
	for _, one := range calls {
		all.Add(1)
		go func() {
			defer all.Done()
			for range time.Tick(every) {
				answer, by := once(one, timeout)
				lock.Lock()
				err := printer.Encode([]string{one.ID, answer, by})
				lock.Unlock()
				if err != nil {
					return // nobody reads any more
				}
			}
		}()
	}
	all.Wait()
	return nil
}

func once(one asked, timeout time.Duration) (answer, by string) {
	address := net.JoinHostPort(one.Host, fmt.Sprint(one.Port))
	if one.HTTP {
		return request(one, address, timeout)
	}
	return connect(address, timeout)
}

// request opens a connection of its own: what a kept one is allowed says nothing about now.
func request(one asked, address string, timeout time.Duration) (string, string) {
	client := http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	made, err := http.NewRequest(one.value("method", "GET"), "http://"+address+one.value("path", "/"), nil)
	if err != nil {
		return "failed", err.Error()
	}
	for key, value := range one.Values {
		if name, found := strings.CutPrefix(key, "header:"); found && value != nil {
			made.Header.Set(name, *value)
		}
	}
	if token := one.value("token", ""); token != "" {
		made.Header.Set("Authorization", "Bearer "+strings.ReplaceAll(token, " ", "-"))
	}
	reply, err := client.Do(made)
	if err != nil {
		return broken(err)
	}
	defer reply.Body.Close()
	words, _ := io.ReadAll(io.LimitReader(reply.Body, 300))
	return judged(reply.StatusCode, string(words))
}

// judged reads what a proxy in between answers too. A proxy whose peer ended the connection says 503 in
// words of its own (source/common/http/utility.cc of Envoy): that is how a refusal below HTTP looks.
func judged(status int, words string) (string, string) {
	by := fmt.Sprintf("%d %s", status, strings.TrimSpace(words))
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return "denied", by
	case status == http.StatusServiceUnavailable &&
		(strings.Contains(words, "connection termination") || strings.Contains(words, "remote reset")):
		return "denied", by
	case status >= http.StatusInternalServerError:
		return "failed", by
	default:
		return "allowed", ""
	}
}

// connect is allowed when what is sent comes back.
func connect(address string, timeout time.Duration) (string, string) {
	connection, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return "failed", err.Error()
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(timeout))
	if _, err := connection.Write([]byte("rehearsal\n")); err != nil {
		return broken(err)
	}
	if _, err := bufio.NewReader(connection).ReadString('\n'); err != nil {
		return broken(err)
	}
	return "allowed", ""
}

// broken tells a connection that the other side ended without a word from one that was never there.
func broken(err error) (string, string) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return "denied", err.Error()
	}
	return "failed", err.Error()
}

func (one asked) value(key, otherwise string) string {
	if found := one.Values[key]; found != nil {
		return *found
	}
	return otherwise
}

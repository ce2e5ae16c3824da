package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

type wanted struct {
	ID     string            `json:"id"`
	Host   string            `json:"host"`
	Port   int               `json:"port"`
	HTTP   bool              `json:"http"`
	Values map[string]string `json:"values"`
}

type printer struct{ mu sync.Mutex }

func (p *printer) say(id, answer, by string) {
	line, err := json.Marshal([]string{id, answer, by})
	if err != nil {
		fail(err.Error())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Println(string(line))
}

func call(arguments []string) {
	flags := flag.NewFlagSet("call", flag.ExitOnError)
	delay := flags.Duration("delay", 0, "before the first call")
	every := flags.Duration("every", time.Second, "between calls")
	patience := flags.Duration("timeout", 3*time.Second, "for an answer")
	_ = flags.Parse(arguments)
	var out printer
	var running sync.WaitGroup
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one wanted
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fail(err.Error())
		}
		running.Go(func() {
			time.Sleep(*delay)
			for next := time.Now(); ; next = next.Add(*every) {
				time.Sleep(time.Until(next))
				answer, by := one.try(*patience)
				out.say(one.ID, answer, by)
			}
		})
	}
	running.Wait()
}

// try makes the call once, on a connection of its own.
func (w wanted) try(patience time.Duration) (answer, by string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	address := net.JoinHostPort(w.Host, fmt.Sprint(w.Port))
	if !w.HTTP {
		return verdict(w.dial(ctx, address))
	}
	method := w.Values["method"]
	if method == "" {
		method = http.MethodGet
	}
	asked, err := http.NewRequestWithContext(ctx, method, "http://"+address+w.Values["path"], nil)
	if err != nil {
		return "failed", err.Error()
	}
	for name, value := range w.Values {
		if header, found := strings.CutPrefix(name, "header:"); found {
			asked.Header.Set(header, value)
		}
	}
	if token := w.Values["token"]; token != "" {
		asked.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	reply, err := client.Do(asked)
	if err != nil {
		return verdict(err)
	}
	defer reply.Body.Close()
	switch {
	case reply.StatusCode == http.StatusUnauthorized || reply.StatusCode == http.StatusForbidden:
		return "denied", reply.Status
	case reply.StatusCode >= http.StatusInternalServerError:
		return "failed", reply.Status
	}
	return "allowed", ""
}

func (w wanted) dial(ctx context.Context, address string) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	if deadline, has := ctx.Deadline(); has {
		_ = connection.SetDeadline(deadline)
	}
	if _, err := io.WriteString(connection, "hello\n"); err != nil {
		return err
	}
	_, err = bufio.NewReader(connection).ReadString('\n')
	return err
}

// verdict of a connection: ended by the other side without a word is a refusal, anything else a failure.
func verdict(err error) (answer, by string) {
	switch {
	case err == nil:
		return "allowed", ""
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrUnexpectedEOF):
		return "denied", err.Error()
	}
	return "failed", err.Error()
}

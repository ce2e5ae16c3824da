// Command standin is the application of every workload that a rehearsal makes, and its client.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fail("serve PORT/PROTOCOL... | call | ok | once")
	}
	switch os.Args[1] {
	case "ok":
	case "once":
		time.Sleep(time.Second)
	case "serve":
		if err := serve(os.Args[2:]); err != nil {
			fail(err.Error())
		}
	case "call":
		options := flag.NewFlagSet("call", flag.ExitOnError)
		delay := options.Duration("delay", 0, "before the first call")
		every := options.Duration("every", time.Second, "between two calls")
		timeout := options.Duration("timeout", 3*time.Second, "for an answer")
		_ = options.Parse(os.Args[2:])
		if err := call(os.Stdin, os.Stdout, *delay, *every, *timeout); err != nil {
			fail(err.Error())
		}
	default:
		fail("no such command: " + os.Args[1])
	}
}

func fail(words string) {
	fmt.Fprintln(os.Stderr, words)
	os.Exit(1)
}

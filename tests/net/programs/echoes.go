// echoes.go: for run_raw.sh: 200 connections to the echo at ADDRESS:PORT, up to 117 KB each, by 40 goroutines.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

func one(addr string, n int) error {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i)
	}
	go c.Write(out)
	in := make([]byte, n)
	if _, err = io.ReadFull(c, in); err != nil {
		return err
	}
	for i := range in {
		if in[i] != out[i] {
			return fmt.Errorf("byte %d", i)
		}
	}
	return nil
}

func main() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	bad := 0
	for i := 0; i < 40; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			for k := 0; k < 5; k++ {
				if err := one(os.Args[1], 1+i*3000); err != nil {
					mu.Lock()
					bad++
					fmt.Println(err)
					mu.Unlock()
				}
			}
		}(i)
	}
	wg.Wait()
	fmt.Println(200-bad, "of 200")
}

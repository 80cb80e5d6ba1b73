package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kkmtest/kkmtest/bench/clock"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/stream/hosttcp"
)

func ofdCommand() *cobra.Command {
	var listen string
	var devices []string
	var seed uint64
	c := &cobra.Command{
		Use:   "ofd",
		Short: "run the simulated OFD as a server of its own",
		Long: `ofd answers registers over TCP as an operator of fiscal data does. The first line
says where it listens: "ofd listening cpcr=ADDR http=-".`,
		Example: "  kkmtest ofd --listen 127.0.0.1:7777 --device id=100500,token=305419896",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return serveOFD(c.Context(), c.OutOrStdout(), listen, devices, seed)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:7777", "`ADDR` for registers; port 0 picks a free one")
	c.Flags().StringArrayVar(&devices, "device", nil, "a register: `id=N,token=N[,serial=...,registration_number=...,name=...,bin=...,address=...]`")
	c.Flags().Uint64Var(&seed, "seed", 1, "`NUMBER` from which tokens and fiscal signs come")
	return c
}

// parseOFDDevice reads id=100500,token=42424242,...
func parseOFDDevice(s string) (ofd.Device, error) {
	var d ofd.Device
	text := map[string]*string{"serial": &d.Serial, "registration_number": &d.Registration, "name": &d.Taxpayer.Name, "bin": &d.Taxpayer.BIN, "address": &d.Taxpayer.Address}
	number := map[string]*uint32{"id": &d.ID, "token": &d.Token}
	for pair := range strings.SplitSeq(s, ",") {
		k, v, ok := strings.Cut(pair, "=")
		switch {
		case ok && text[k] != nil:
			*text[k] = v
		case ok && number[k] != nil:
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil {
				return d, fmt.Errorf("--device %s: %s=%s: want a whole number below 2^32", s, k, v)
			}
			*number[k] = uint32(n)
		default:
			return d, fmt.Errorf("--device %s: %q: want key=value with a key of id, token, serial, registration_number, name, bin, address", s, pair)
		}
	}
	if d.ID == 0 {
		return d, fmt.Errorf("--device %s: no id: want id=NUMBER", s)
	}
	return d, nil
}

func serveOFD(ctx context.Context, w io.Writer, listen string, devices []string, seed uint64) (err error) {
	if len(devices) == 0 {
		return errors.New("no register: want --device id=NUMBER,token=NUMBER at least once")
	}
	loop := clock.NewReal()
	defer loop.Close()
	s := ofd.New(loop, ofd.Options{Seed: seed})
	for _, arg := range devices {
		d, err := parseOFDDevice(arg)
		if err != nil {
			return err
		}
		done := make(chan error, 1)
		loop.Post(func() { done <- s.Register(d) })
		if err := <-done; err != nil {
			return fmt.Errorf("--device %s: %w", arg, err)
		}
	}
	l, err := hosttcp.Listen(loop, listen, 0, s)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", listen, err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	fmt.Fprintf(w, "ofd listening cpcr=%s http=-\n", l.Addr())
	<-ctx.Done()
	return nil
}

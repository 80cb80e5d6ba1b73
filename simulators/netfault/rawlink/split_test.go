package rawlink

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/kkmtest/kkmtest/simulators/netfault/inet"
)

// packet builds a frame with right checksums by the library, which this package does not use.
func packet(t testing.TB, six bool, proto layers.IPProtocol, payload []byte) []byte {
	t.Helper()
	eth := &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	} = &layers.IPv4{Version: 4, TTL: 64, Id: 100, Protocol: proto, SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2}}
	if six {
		eth.EthernetType = layers.EthernetTypeIPv6
		a, b := make([]byte, 16), make([]byte, 16)
		a[0], a[15], b[0], b[15] = 0xfd, 1, 0xfd, 2
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: a, DstIP: b}
	}
	var trans gopacket.SerializableLayer
	if proto == layers.IPProtocolTCP {
		tcp := &layers.TCP{SrcPort: 1000, DstPort: 2000, Seq: 0xffffff00, Ack: 7, ACK: true, PSH: true, FIN: true, CWR: true, Window: 100,
			Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindNop}}}
		_ = tcp.SetNetworkLayerForChecksum(ip)
		trans = tcp
	} else {
		udp := &layers.UDP{SrcPort: 1000, DstPort: 2000}
		_ = udp.SetNetworkLayerForChecksum(ip)
		trans = udp
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, trans, gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buf.Bytes())
}

func split(t testing.TB, p []byte, n Note, tag *Tag) [][]byte {
	t.Helper()
	var out [][]byte
	if err := Split(p, n, tag, func(f []byte) { out = append(out, f) }); err != nil {
		t.Fatal(err)
	}
	return out
}

// A large packet becomes the frames that a sender without offloads would have made.
func TestLargePacketsAreDivided(t *testing.T) {
	payload := make([]byte, 2500)
	for i := range payload {
		payload[i] = byte(i * 7)
	}
	for _, six := range []bool{false, true} {
		for _, tt := range []struct {
			proto layers.IPProtocol
			kind  uint8
		}{{layers.IPProtocolTCP, kindTCP4}, {layers.IPProtocolUDP, kindUDP}} {
			if six && tt.kind == kindTCP4 {
				tt.kind = kindTCP6
			}
			t.Run(fmt.Sprint(tt.proto, six), func(t *testing.T) {
				p := packet(t, six, tt.proto, payload)
				fs := split(t, p, Note{Kind: tt.kind | kindECN, Size: 1000}, nil)
				if len(fs) != 3 {
					t.Fatalf("%d frames, want 3", len(fs))
				}
				var got []byte
				for i, f := range fs {
					d := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
					if d.ErrorLayer() != nil {
						t.Fatalf("frame %d: %v", i, d.ErrorLayer().Error())
					}
					tr := d.TransportLayer()
					got = append(got, tr.LayerPayload()...)
					if want := []int{1000, 1000, 500}[i]; len(tr.LayerPayload()) != want {
						t.Errorf("frame %d carries %d bytes, want %d", i, len(tr.LayerPayload()), want)
					}
					if tcp, ok := tr.(*layers.TCP); ok {
						if want := uint32(0xffffff00) + uint32(1000*i); tcp.Seq != want {
							t.Errorf("frame %d has sequence %d, want %d", i, tcp.Seq, want)
						}
						last := i == 2
						if tcp.FIN != last || tcp.PSH != last || tcp.CWR != (i == 0) || !tcp.ACK {
							t.Errorf("frame %d: FIN %v PSH %v CWR %v ACK %v", i, tcp.FIN, tcp.PSH, tcp.CWR, tcp.ACK)
						}
					}
					if ip, ok := d.NetworkLayer().(*layers.IPv4); ok && (int(ip.Length) != len(f)-14 || int(ip.Id) != 100+i || inet.Fold(inet.Sum(0, ip.Contents)) != 0) {
						t.Errorf("frame %d: length %d, number %d, checksum over all %04x", i, ip.Length, ip.Id, inet.Fold(inet.Sum(0, ip.Contents)))
					}
					if n := transportSum(d); n != 0 {
						t.Errorf("frame %d: checksum over all %04x, want 0", i, n)
					}
				}
				if !bytes.Equal(got, payload) {
					t.Error("the payload is not whole")
				}
			})
		}
	}
}

// transportSum is the checksum over a transport header that holds its checksum: 0 when that is right.
func transportSum(d gopacket.Packet) uint16 {
	src, dst := d.NetworkLayer().NetworkFlow().Endpoints()
	tr := d.TransportLayer()
	all := append(bytes.Clone(tr.LayerContents()), tr.LayerPayload()...)
	proto := uint64(layers.IPProtocolTCP)
	if _, ok := tr.(*layers.UDP); ok {
		proto = uint64(layers.IPProtocolUDP)
	}
	s := inet.Sum(proto+uint64(len(all)), src.Raw())
	return inet.Fold(inet.Sum(inet.Sum(s, dst.Raw()), all))
}

// A checksum that the kernel left to the card is made; the tag comes back.
func TestChecksumsAndTags(t *testing.T) {
	for _, proto := range []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP} {
		want := packet(t, false, proto, []byte("an odd number of payload bytes"))
		p := bytes.Clone(want)
		where := map[layers.IPProtocol]int{layers.IPProtocolTCP: 16, layers.IPProtocolUDP: 6}[proto]
		// what the kernel leaves there: the pseudo header, not inverted
		s := inet.Sum(uint64(proto)+uint64(len(p)-34), p[26:34])
		binary.BigEndian.PutUint16(p[34+where:], ^inet.Fold(s))
		n := Note{NeedsSum: true, SumStart: 34, SumOffset: uint16(where)}
		if fs := split(t, p, n, nil); len(fs) != 1 || !bytes.Equal(fs[0], want) {
			t.Errorf("%v: % x\nwant % x", proto, fs, want)
		}
		fs := split(t, p, n, &Tag{Protocol: 0x8100, Control: 5<<13 | 12})
		tagged := append(append(bytes.Clone(want[:12]), 0x81, 0, 5<<5, 12), want[12:]...)
		if len(fs) != 1 || !bytes.Equal(fs[0], tagged) {
			t.Errorf("%v with a tag: % x\nwant % x", proto, fs, tagged)
		}
	}
	// a PPPoE session keeps its length right
	p := packet(t, false, layers.IPProtocolTCP, make([]byte, 1500))
	ses := append(append(bytes.Clone(p[:12]), 0x88, 0x64, 0x11, 0, 0, 1, 0xff, 0xff, 0, 0x21), p[14:]...)
	for _, f := range split(t, ses, Note{Kind: kindTCP4, Size: 1000}, nil) {
		if got := int(binary.BigEndian.Uint16(f[18:])); got != len(f)-20 {
			t.Errorf("PPPoE length %d in a frame of %d", got, len(f))
		}
	}
}

func TestWhatCannotBeDivided(t *testing.T) {
	tcp := packet(t, false, layers.IPProtocolTCP, make([]byte, 100))
	for name, tt := range map[string]struct {
		p []byte
		n Note
	}{
		"unknown kind":            {tcp, Note{Kind: 3, Size: 10}},
		"kind of another IP":      {tcp, Note{Kind: kindTCP6, Size: 10}},
		"no size":                 {tcp, Note{Kind: kindTCP4}},
		"no payload":              {tcp[:len(tcp)-100], Note{Kind: kindTCP4, Size: 10}},
		"cut off":                 {tcp[:40], Note{Kind: kindTCP4, Size: 10}},
		"not IP":                  {append(bytes.Clone(tcp[:12]), 0x08, 0x06, 0, 0), Note{Kind: kindTCP4, Size: 10}},
		"a checksum past the end": {tcp, Note{NeedsSum: true, SumStart: uint16(len(tcp)) - 1, SumOffset: 0}},
	} {
		if err := Split(tt.p, tt.n, nil, func([]byte) {}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// Whatever the kernel says, nothing panics and no payload is lost.
func FuzzSplit(f *testing.F) {
	f.Add(packet(f, false, layers.IPProtocolTCP, make([]byte, 3000)), false, uint16(0), uint16(0), uint8(kindTCP4), uint16(1000), true)
	f.Add(packet(f, true, layers.IPProtocolUDP, make([]byte, 300)), true, uint16(54), uint16(6), uint8(kindUDP), uint16(100), false)
	f.Fuzz(func(t *testing.T, p []byte, needs bool, start, offset uint16, kind uint8, size uint16, tagged bool) {
		var tag *Tag
		if tagged {
			tag = &Tag{0x8100, 12}
		}
		total, n := 0, 0
		before := bytes.Clone(p)
		err := Split(p, Note{needs, start, offset, kind, size}, tag, func(f []byte) { total += len(f); n++ })
		if !bytes.Equal(p, before) {
			t.Error("the packet itself was changed")
		}
		if err == nil && total < len(p) {
			t.Errorf("%d frames of %d bytes from %d", n, total, len(p))
		}
	})
}

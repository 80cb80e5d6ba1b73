package daemon

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kkmtest/kkmtest/cpcr"
	"github.com/kkmtest/kkmtest/cpcr/canon"
	"github.com/kkmtest/kkmtest/fiscal"
	"github.com/kkmtest/kkmtest/simulators/ofd"
	"github.com/kkmtest/kkmtest/simulators/ofd/script"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const firstToken = 1000

// devices makes n registers with the numbers 1 to n.
func devices(n int) []script.Device {
	out := make([]script.Device, n)
	for i := range out {
		id := uint32(i + 1)
		out[i] = script.Device{At: "test", Device: ofd.Device{
			ID: id, Token: firstToken, Serial: fmt.Sprint("S", id), Registration: registration(id),
			Taxpayer: ofd.Taxpayer{Name: "ТОО", BIN: "180140001234", Address: "Астана"}, Operator: ofd.Operator{Title: "ОФД"},
		}}
	}
	return out
}

func registration(id uint32) string { return fmt.Sprintf("%012d", id) }

func service(id uint32) *canon.ServiceRequest {
	return &canon.ServiceRequest{
		SecurityStats: &canon.ServiceRequest_SecurityStats{GeoPosition: &canon.ServiceRequest_SecurityStats_GeoPosition{Latitude: proto.Int32(1), Longitude: proto.Int32(1), Source: proto.String("cell")}},
		RegInfo_: &canon.ServiceRequest_RegInfo{
			Kkm: &canon.KkmRegInfo{FnsKkmId: proto.String(registration(id)), SerialNumber: proto.String(fmt.Sprint("S", id)), KkmId: proto.String(fmt.Sprint(id))},
			Org: &canon.OrgRegInfo{Title: proto.String("ТОО"), Address: proto.String("Астана"), Iin: proto.String("180140001234"), Oked: proto.String("47190"), AddressKz: proto.String("Астана")},
		},
	}
}

func system(id uint32) *canon.Request {
	return &canon.Request{Command: canon.CommandTypeEnum_COMMAND_SYSTEM.Enum(), Service: service(id)}
}

// sale is a ticket of the usual size.
func sale(id uint32, at time.Time, sum fiscal.Tiyn) *canon.Request {
	return &canon.Request{
		Command: canon.CommandTypeEnum_COMMAND_TICKET.Enum(), Service: service(id),
		Ticket: &canon.TicketRequest{
			Operation: canon.OperationTypeEnum_OPERATION_SELL.Enum(), DateTime: cpcr.Stamp(at), Operator: &canon.Operator{Code: proto.Uint32(1), Name: proto.String("Асан Ә.")},
			Domain: &canon.TicketRequest_Domain{Type: canon.DomainTypeEnum_DOMAIN_TRADING.Enum()},
			Items: []*canon.TicketRequest_Item{
				line("Нан", sum-100), line("Сүт 2,5 %", 100),
			},
			Payments: []*canon.TicketRequest_Payment{{Type: canon.PaymentTypeEnum_PAYMENT_CASH.Enum(), Sum: cpcr.Money(sum)}},
			Amounts:  &canon.TicketRequest_Amounts{Total: cpcr.Money(sum), Taken: cpcr.Money(sum), Change: cpcr.Money(0)},
		},
	}
}

func line(name string, sum fiscal.Tiyn) *canon.TicketRequest_Item {
	return &canon.TicketRequest_Item{Type: canon.TicketRequest_Item_ITEM_TYPE_COMMODITY.Enum(), Commodity: &canon.TicketRequest_Item_Commodity{
		Name: proto.String(name), SectionCode: proto.String("1"), Quantity: proto.Uint64(1000), Price: cpcr.Money(sum), Sum: cpcr.Money(sum), MeasureUnitCode: proto.String("796"), Barcode: proto.String("4870000000017"),
	}}
}

func frame(t testing.TB, h cpcr.Header, m *canon.Request) []byte {
	t.Helper()
	b, err := cpcr.EncodeRequest(h, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// register is a register over TCP that repeats until it is answered.
type register struct {
	id     uint32
	token  uint32
	reqnum uint16
	nc     net.Conn
	buf    []byte
}

// address puts token and number of the next request into a frame.
func (r *register) address(f []byte) {
	r.reqnum++
	binary.LittleEndian.PutUint32(f[12:], r.token)
	binary.LittleEndian.PutUint16(f[16:], r.reqnum)
}

// exchange sends a frame over the open connection and returns the answer.
func (r *register) exchange(f []byte) ([]byte, error) {
	const patience = 20 * time.Second
	if err := r.nc.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := r.nc.Write(f); err != nil {
		return nil, err
	}
	if cap(r.buf) < 1<<16 {
		r.buf = make([]byte, 1<<16)
	}
	if _, err := io.ReadFull(r.nc, r.buf[:cpcr.HeaderSize]); err != nil {
		return nil, err
	}
	h, err := cpcr.ParseHeader(r.buf, uint32(cap(r.buf)))
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(r.nc, r.buf[cpcr.HeaderSize:h.Size]); err != nil {
		return nil, err
	}
	return r.buf[:h.Size], nil
}

// accepted says whether an answer has result 0, without decoding it whole:
// command and result are the first fields.
func accepted(answer []byte) bool {
	p := answer[cpcr.HeaderSize:]
	return len(p) > 6 && p[0] == 0x08 && p[2] == 0x12 && p[4] == 0x08 && p[5] == 0x00
}

func (r *register) dial(addr string) error {
	if r.nc != nil {
		_ = r.nc.Close()
		r.nc = nil
	}
	nc, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err == nil {
		r.nc = nc
	}
	return err
}

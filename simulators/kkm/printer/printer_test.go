package printer

import (
	"slices"
	"testing"

	"github.com/kkmtest/kkmtest/bench/device/tap/escpos"
)

// The bytes are read back by the decoder of the printer tap.
func TestEncode(t *testing.T) {
	lines := []string{"ТОО «Алма-Тест»", "Әә Ғғ Ққ Ңң Өө Ұұ Үү Һһ Іі", "", "   1.234 x 450.75 =556.23"}
	d := escpos.New(escpos.Options{})
	got := append(d.Write(Encode(lines)), d.Write(Encode([]string{"second"}))...)
	if len(got) != 2 || !slices.Equal(got[0].Lines, lines) || !slices.Equal(got[1].Lines, []string{"second"}) || len(got[0].Problems) > 0 {
		t.Errorf("%+v", got)
	}
}

package web

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/reports/paper"
)

func TestWrite(t *testing.T) {
	d := paper.Doc{Lang: "kk", Title: "Нысан", Blocks: []paper.Block{
		paper.Notice{Text: "Ескерту"},
		paper.Heading{Text: "Бөлім", Level: 1, Center: true, NewPage: true},
		paper.Para{Text: "<script>alert(1)</script>", Small: true, Rule: true},
		paper.Table{Widths: []int{300, 1500}, Head: []string{"№", "Талап"}, Rows: []paper.Row{
			{Cells: []paper.Cell{{Text: "бірінші\nекінші", Bold: true, Shade: true, Span: 2}}},
			{Height: 125, Cells: []paper.Cell{{Text: "1"}, {Text: "ә"}}},
		}},
	}}
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, want := range []string{
		`<html lang="kk">`, `<p class="notice">Ескерту</p>`, `<h1 class="center new">Бөлім</h1>`, "&lt;script&gt;", ` small rule"`,
		`<col style="width:30.0mm">`, `<th scope="col" class="center">Талап</th>`, `<td colspan="2" class=" shade"><b>бірінші<br>екінші</b></td>`, `<tr style="height:12.5mm">`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "<script>") || strings.Contains(got, "ZgotmplZ") {
		t.Error("markup of a text came through, or the template refused a value")
	}
	if err := Write(&b, paper.Doc{Blocks: []paper.Block{paper.Table{Widths: []int{1}}}}); err == nil {
		t.Error("a table that does not fill the page is written")
	}
}

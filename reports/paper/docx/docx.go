// Package docx draws a paper document as Office Open XML (ECMA-376,
// transitional): a zip archive of a handful of XML parts, written here and by no
// template, so that the same document gives the same bytes.
//
// It makes no layout: line and page breaks are the word processor's. What it
// asks for is that rows are not torn (cantSplit), that the head of a table
// repeats (tblHeader) and that pages are counted (PAGE, NUMPAGES).
//
// Begin with [Write].
package docx

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/reports/paper"
)

const (
	nsW    = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
	nsR    = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	header = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	font   = "Times New Roman" // has all Kazakh letters on every system that has it
)

// Write writes the document.
func Write(w io.Writer, d paper.Doc) error {
	if err := d.Check(); err != nil {
		return fmt.Errorf("docx: %w", err)
	}
	z := zip.NewWriter(w)
	for _, p := range []struct{ name, body string }{
		{"[Content_Types].xml", types},
		{"_rels/.rels", rels},
		{"docProps/core.xml", core(d)},
		{"docProps/app.xml", app},
		{"word/_rels/document.xml.rels", documentRels},
		{"word/styles.xml", styles(d.Lang)},
		{"word/settings.xml", settings},
		{"word/footer1.xml", footer(d.Footer)},
		{"word/document.xml", document(d)},
	} {
		// A fixed time in each entry: the archive depends on the document alone.
		f, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return fmt.Errorf("docx: %s: %w", p.name, err)
		}
		if _, err := io.WriteString(f, header+p.body); err != nil {
			return fmt.Errorf("docx: %s: %w", p.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("docx: %w", err)
	}
	return nil
}

func esc(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a bytes.Buffer does not fail
	return b.String()
}

// twips are twentieths of a point: 1440 an inch of 25.4 mm.
func twips(tenths int) int { return (tenths*1440 + 127) / 254 }

func document(d paper.Doc) string {
	var b strings.Builder
	b.WriteString(`<w:document xmlns:w="` + nsW + `" xmlns:r="` + nsR + `"><w:body>`)
	for i, x := range d.Blocks {
		switch x := x.(type) {
		case paper.Heading:
			heading(&b, x)
		case paper.Para:
			para(&b, x)
		case paper.Notice:
			notice(&b, x)
		case paper.Table:
			table(&b, x)
			if i+1 == len(d.Blocks) {
				break
			}
			if _, next := d.Blocks[i+1].(paper.Table); next {
				b.WriteString(`<w:p/>`) // two tables without one between them would grow together
			}
		}
	}
	fmt.Fprintf(&b, `<w:sectPr><w:footerReference w:type="default" r:id="rId3"/><w:pgSz w:w="%d" w:h="%d"/><w:pgMar w:top="%[3]d" w:right="%[3]d" w:bottom="%[3]d" w:left="%[3]d" w:header="%[4]d" w:footer="%[4]d" w:gutter="0"/></w:sectPr>`,
		twips(paper.PageWidth), twips(paper.PageHeight), twips(paper.Margin), twips(80))
	b.WriteString(`</w:body></w:document>`)
	return b.String()
}

func heading(b *strings.Builder, h paper.Heading) {
	fmt.Fprintf(b, `<w:p><w:pPr><w:pStyle w:val="Heading%d"/>`, min(max(h.Level, 1), 3))
	if h.NewPage {
		b.WriteString(`<w:pageBreakBefore/>`)
	}
	if h.Center {
		b.WriteString(`<w:jc w:val="center"/>`)
	}
	b.WriteString(`</w:pPr>`)
	run(b, h.Text, "")
	b.WriteString(`</w:p>`)
}

func para(b *strings.Builder, p paper.Para) {
	b.WriteString(`<w:p><w:pPr>`)
	if p.Rule {
		b.WriteString(`<w:pBdr><w:bottom w:val="single" w:sz="6" w:space="1" w:color="000000"/></w:pBdr>`)
	}
	b.WriteString(`<w:spacing w:before="40" w:after="40"/>`)
	if p.Center {
		b.WriteString(`<w:jc w:val="center"/>`)
	}
	b.WriteString(`</w:pPr>`)
	run(b, p.Text, props(p.Bold, p.Small))
	b.WriteString(`</w:p>`)
}

func notice(b *strings.Builder, n paper.Notice) {
	b.WriteString(`<w:p><w:pPr><w:pBdr>`)
	for _, side := range []string{"top", "left", "bottom", "right"} {
		fmt.Fprintf(b, `<w:%s w:val="single" w:sz="12" w:space="4" w:color="000000"/>`, side)
	}
	b.WriteString(`</w:pBdr><w:spacing w:before="60" w:after="60"/><w:ind w:left="120" w:right="120"/></w:pPr>`)
	run(b, n.Text, props(true, true))
	b.WriteString(`</w:p>`)
}

func props(bold, small bool) string {
	s := ""
	if bold {
		s += `<w:b/>`
	}
	if small {
		s += `<w:sz w:val="18"/>`
	}
	return s
}

// run writes a text; its lines are parted by breaks.
func run(b *strings.Builder, text, props string) {
	b.WriteString(`<w:r>`)
	if props != "" {
		b.WriteString(`<w:rPr>` + props + `</w:rPr>`)
	}
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteString(`<w:br/>`)
		}
		b.WriteString(`<w:t xml:space="preserve">` + esc(line) + `</w:t>`)
	}
	b.WriteString(`</w:r>`)
}

func table(b *strings.Builder, t paper.Table) {
	fmt.Fprintf(b, `<w:tbl><w:tblPr><w:tblW w:w="%d" w:type="dxa"/><w:tblBorders>`, sum(t.Widths))
	for _, side := range []string{"top", "left", "bottom", "right", "insideH", "insideV"} {
		fmt.Fprintf(b, `<w:%s w:val="single" w:sz="4" w:space="0" w:color="000000"/>`, side)
	}
	b.WriteString(`</w:tblBorders><w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="70" w:type="dxa"/><w:right w:w="70" w:type="dxa"/></w:tblCellMar></w:tblPr><w:tblGrid>`)
	for _, w := range t.Widths {
		fmt.Fprintf(b, `<w:gridCol w:w="%d"/>`, twips(w))
	}
	b.WriteString(`</w:tblGrid>`)
	if len(t.Head) > 0 {
		b.WriteString(`<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>`)
		for i, h := range t.Head {
			cell(b, paper.Cell{Text: h, Bold: true, Center: true, Shade: true}, twips(t.Widths[i]), true)
		}
		b.WriteString(`</w:tr>`)
	}
	for i, r := range t.Rows {
		keep := i+1 < len(t.Rows) && (t.Keep || r.Mark != "")
		b.WriteString(`<w:tr><w:trPr><w:cantSplit/>`)
		if r.Height > 0 {
			fmt.Fprintf(b, `<w:trHeight w:val="%d" w:hRule="atLeast"/>`, twips(r.Height))
		}
		b.WriteString(`</w:trPr>`)
		col := 0
		for _, c := range r.Cells {
			cell(b, c, sum(t.Widths[col:col+c.Columns()]), keep)
			col += c.Columns()
		}
		b.WriteString(`</w:tr>`)
	}
	b.WriteString(`</w:tbl>`)
}

func sum(widths []int) int {
	n := 0
	for _, w := range widths {
		n += twips(w)
	}
	return n
}

// cell writes a cell; keep holds its row on the page of the next one.
func cell(b *strings.Builder, c paper.Cell, width int, keep bool) {
	fmt.Fprintf(b, `<w:tc><w:tcPr><w:tcW w:w="%d" w:type="dxa"/>`, width)
	if c.Columns() > 1 {
		fmt.Fprintf(b, `<w:gridSpan w:val="%d"/>`, c.Columns())
	}
	if c.Shade {
		b.WriteString(`<w:shd w:val="clear" w:color="auto" w:fill="EDEDED"/>`)
	}
	b.WriteString(`</w:tcPr><w:p><w:pPr><w:pStyle w:val="Cell"/>`)
	if keep {
		b.WriteString(`<w:keepNext/>`)
	}
	if c.Center {
		b.WriteString(`<w:jc w:val="center"/>`)
	}
	b.WriteString(`</w:pPr>`)
	if c.Text != "" {
		run(b, c.Text, props(c.Bold, false))
	}
	b.WriteString(`</w:p></w:tc>`)
}

// footer puts the fields where {page} and {pages} stand.
func footer(text string) string {
	var b strings.Builder
	b.WriteString(`<w:ftr xmlns:w="` + nsW + `"><w:p><w:pPr><w:jc w:val="center"/></w:pPr>`)
	for text != "" {
		i := strings.IndexByte(text, '{')
		j := strings.IndexByte(text, '}')
		if i < 0 || j < i {
			run(&b, text, props(false, true))
			break
		}
		if i > 0 {
			run(&b, text[:i], props(false, true))
		}
		field := map[string]string{"page": "PAGE", "pages": "NUMPAGES"}[text[i+1:j]]
		fmt.Fprintf(&b, `<w:fldSimple w:instr="%s"><w:r><w:rPr><w:sz w:val="18"/></w:rPr><w:t>1</w:t></w:r></w:fldSimple>`, field)
		text = text[j+1:]
	}
	b.WriteString(`</w:p></w:ftr>`)
	return b.String()
}

var tags = map[string]string{"kk": "kk-KZ", "ru": "ru-RU", "en": "en-GB"}

func styles(lang string) string {
	tag := tags[lang]
	if tag == "" {
		tag = lang
	}
	var b strings.Builder
	b.WriteString(`<w:styles xmlns:w="` + nsW + `"><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="` + font + `" w:hAnsi="` + font + `" w:eastAsia="` + font + `" w:cs="` + font + `"/><w:sz w:val="22"/><w:szCs w:val="22"/><w:lang w:val="` + esc(tag) + `"/></w:rPr></w:rPrDefault><w:pPrDefault/></w:docDefaults>`)
	b.WriteString(`<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>`)
	b.WriteString(`<w:style w:type="paragraph" w:styleId="Cell"><w:name w:val="Cell"/><w:basedOn w:val="Normal"/><w:pPr><w:spacing w:before="20" w:after="20"/></w:pPr><w:rPr><w:sz w:val="19"/><w:szCs w:val="19"/></w:rPr></w:style>`)
	for level, size := range []int{28, 24, 22} {
		n := strconv.Itoa(level + 1)
		fmt.Fprintf(&b, `<w:style w:type="paragraph" w:styleId="Heading%[1]s"><w:name w:val="heading %[1]s"/><w:basedOn w:val="Normal"/><w:next w:val="Normal"/><w:qFormat/><w:pPr><w:keepNext/><w:spacing w:before="180" w:after="80"/><w:outlineLvl w:val="%[2]d"/></w:pPr><w:rPr><w:b/><w:sz w:val="%[3]d"/><w:szCs w:val="%[3]d"/></w:rPr></w:style>`, n, level, size)
	}
	b.WriteString(`</w:styles>`)
	return b.String()
}

func core(d paper.Doc) string {
	at := d.Made.UTC().Format("2006-01-02T15:04:05Z")
	return `<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` +
		`<dc:title>` + esc(d.Title) + `</dc:title><dc:creator>` + esc(d.Author) + `</dc:creator><dc:language>` + esc(d.Lang) + `</dc:language>` +
		`<dcterms:created xsi:type="dcterms:W3CDTF">` + at + `</dcterms:created><dcterms:modified xsi:type="dcterms:W3CDTF">` + at + `</dcterms:modified></cp:coreProperties>`
}

const (
	types = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>` +
		`<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/>` +
		`<Override PartName="/word/settings.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.settings+xml"/>` +
		`<Override PartName="/word/footer1.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"/>` +
		`<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>` +
		`<Override PartName="/docProps/app.xml" ContentType="application/vnd.openxmlformats-officedocument.extended-properties+xml"/></Types>`
	rels = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>` +
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/>` +
		`<Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/extended-properties" Target="docProps/app.xml"/></Relationships>`
	documentRels = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>` +
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/settings" Target="settings.xml"/>` +
		`<Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/footer" Target="footer1.xml"/></Relationships>`
	app      = `<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"><Application>kkmtest</Application></Properties>`
	settings = `<w:settings xmlns:w="` + nsW + `"><w:compat><w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat></w:settings>`
)

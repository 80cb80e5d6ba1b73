package wording

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

// A piece is a cell of the form's table with the number that stands before it,
// or a line without one: a heading, a text torn off by a page break, or a row
// whose number was lost.
type piece struct {
	number     string // without the dot at its end; "" when there is none
	text       string
	note       string
	line       int
	afterBlank bool // a blank line stands above: the page ended there
}

var (
	number   = regexp.MustCompile(`^\d+(?:\.\d+)*\.{0,2}$`)
	ordinal  = regexp.MustCompile(`^(\d+(?:\.\d+)*)[.)]+ `)
	footnote = regexp.MustCompile(`(?i)^(ескерту|примечани|сноска|эскертүү)`)
	glued    = regexp.MustCompile(`(?i)(ескерту|примечание|эскертүү): ?\*`)
	inside   = regexp.MustCompile(`(?:^|[\s>])(\d+(?:\.\d+)+)\.?\s+(\d+)[.)]`)
)

// pieces cuts a text flattened by tabs into the cells of its table.
func pieces(text string) []piece {
	var out []piece
	blank := false
	line := 0
	for l := range strings.SplitSeq(text, "\n") {
		line++
		if strings.TrimSpace(l) == "" {
			blank = true
			continue
		}
		cells := strings.Split(l, "\t")
		p := piece{line: line, afterBlank: blank}
		blank = false
		at := 0
		for at < len(cells) && strings.TrimSpace(cells[at]) == "" {
			at++
		}
		if c := strings.TrimSpace(cells[at]); len(cells) > 1 && number.MatchString(c) {
			p.number = strings.TrimRight(c, ".")
			at++
			for at < len(cells) && strings.TrimSpace(cells[at]) == "" {
				at++
			}
			if at < len(cells) {
				p.text, p.note = cells[at], clean(strings.Join(cells[at+1:], " "))
			}
		} else if at >= 2 {
			p.note = clean(strings.Join(cells[at:], " ")) // only the note column has something
		} else {
			p.text, p.note = cells[at], clean(strings.Join(cells[at+1:], " "))
		}
		out = append(out, split(p)...)
	}
	return out
}

// split takes the rows apart that were glued into the cell of the row above
// them: "38. ... 38.1 1) ...; 38.2 2) ...".
func split(p piece) []piece {
	out := []piece{}
	rest := p
	if p.number != "" {
		for {
			var cut []int
			for _, m := range inside.FindAllStringSubmatchIndex(rest.text, -1) {
				n, ord := rest.text[m[2]:m[3]], rest.text[m[4]:m[5]]
				if strings.HasPrefix(n, p.number+".") && strings.HasSuffix(n, "."+ord) {
					cut = m
					break
				}
			}
			if cut == nil {
				break
			}
			head := rest
			head.text, head.note = clean(rest.text[:cut[2]]), ""
			out = append(out, head)
			rest.number = strings.TrimRight(rest.text[cut[2]:cut[3]], ".")
			rest.text = rest.text[cut[3]:]
			rest.afterBlank = false
		}
	}
	rest.text = clean(rest.text)
	if len(out) > 0 {
		if m := glued.FindStringIndex(rest.text); m != nil { // a footnote behind the last of them
			rest.note, rest.text = strings.TrimSpace(rest.text[m[0]:]+" "+rest.note), strings.TrimSpace(rest.text[:m[0]])
		}
	}
	return append(out, rest)
}

func numbersOf(ps []piece) []string {
	var out []string
	for _, p := range ps {
		if p.number != "" {
			out = append(out, p.number)
		}
	}
	return out
}

// numbered lists the printed numbers of an edition in the order of the form.
func numbered(e regulation.Edition) []string {
	var out []string
	for _, r := range e.Rows("all") {
		if r.Printed != "" {
			out = append(out, strings.TrimRight(r.Printed, "."))
		}
	}
	return out
}

// tooMany bounds the numbers of a text: the longest form has 426.
const tooMany = 20000

// align finds the longest common sequence of two lists of numbers and gives,
// for each of want, its place in have or -1. Wrong and repeated numbers of the
// act are in the catalogue as printed, so they align by their order.
func align(want, have []string) []int {
	n, m := len(want), len(have)
	if m > tooMany {
		m = tooMany // not the text of one act; the table below would not fit into memory
	}
	length := make([][]int32, n+1)
	for i := range length {
		length[i] = make([]int32, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if want[i] == have[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	hits := make([]int, n)
	i, j := 0, 0
	for i < n {
		switch {
		case j < m && want[i] == have[j] && length[i][j] == length[i+1][j+1]+1:
			hits[i] = j
			i, j = i+1, j+1
		case j < m && length[i][j+1] >= length[i+1][j]:
			j++
		default:
			hits[i] = -1
			i++
		}
	}
	return hits
}

// table matches the rows of a form.
func table(e regulation.Edition, text string) []Entry {
	all := pieces(text)
	rows := e.Rows("all")
	entries := make([]Entry, len(rows))
	var want []string
	var wantRow []int // index of the row of each wanted number
	times := map[string]int{}
	for i, r := range rows {
		entries[i] = Entry{Section: r.Section, Number: r.Number, Digest: r.Digest, State: Missing}
		if r.Printed != "" {
			n := strings.TrimRight(r.Printed, ".")
			want, wantRow = append(want, n), append(wantRow, i)
			times[n]++
		}
	}
	var have []string
	var havePiece []int
	seen := map[string]int{}
	for i, p := range all {
		if p.number != "" {
			have, havePiece = append(have, p.number), append(havePiece, i)
			seen[p.number]++
		}
	}
	pieceRow := map[int]int{} // piece to row
	for k, hit := range align(want, have) {
		i := wantRow[k]
		if hit < 0 {
			entries[i].Why = fmt.Sprintf("the text has no number %s in this place", want[k])
			continue
		}
		p := all[havePiece[hit]]
		entries[i].State, entries[i].Text, entries[i].Note, entries[i].Line = Matched, p.text, p.note, p.line
		if seen[want[k]] != times[want[k]] {
			entries[i].State, entries[i].Why = Ambiguous, fmt.Sprintf("the text has number %s %d times, the form %d times", want[k], seen[want[k]], times[want[k]])
		}
		pieceRow[havePiece[hit]] = i
	}
	gaps(all, rows, entries, pieceRow)
	for i := range entries {
		if entries[i].State == Matched && entries[i].Text == "" {
			entries[i].State, entries[i].Why = Missing, "the number stands there without a text"
		}
	}
	return entries
}

// gaps gives the pieces between two numbered rows to whom they belong: a torn
// text to the row before or after it, the rest to the lines of the form that
// have no number, when there are as many of them.
func gaps(all []piece, rows []regulation.Row, entries []Entry, pieceRow map[int]int) {
	before := -1 // row of the last matched piece
	var loose []int
	first := true
	flush := func(next int) { // next is the row of the next matched piece, or len(rows)
		var lines []int
		for i := before + 1; i < next && i < len(rows); i++ {
			if rows[i].Printed == "" {
				lines = append(lines, i)
			}
		}
		if first { // what stands above the table belongs to nobody, but for its last lines
			if len(loose) > len(lines) {
				loose = loose[len(loose)-len(lines):]
			}
			first = false
		}
		place(all, loose, before, next, lines, entries)
		loose = nil
	}
	for i, p := range all {
		if r, ok := pieceRow[i]; ok {
			flush(r)
			before = r
			continue
		}
		if p.number != "" {
			continue // a number that the form does not have here
		}
		loose = append(loose, i)
	}
	// Behind the last row the act goes on with signatures: only torn text belongs to it.
	if len(loose) > 0 && before >= 0 && lower(all[loose[0]].text) {
		join(&entries[before], all[loose[0]], true)
	}
}

func place(all []piece, loose []int, before, next int, lines []int, entries []Entry) {
	var rest []int
	for k, i := range loose {
		p := all[i]
		switch {
		case p.text == "" && before >= 0: // the note column went on
			entries[before].Note = strings.TrimSpace(entries[before].Note + " " + p.note)
		case footnote.MatchString(p.text) && before >= 0:
			entries[before].Note = strings.TrimSpace(entries[before].Note + " " + p.text)
		case k == 0 && before >= 0 && lower(p.text): // torn by the end of a page
			join(&entries[before], p, true)
		case k == len(loose)-1 && next < len(entries) && entries[next].State != Missing && begins(p.text, entries[next]):
			join(&entries[next], p, false)
		default:
			rest = append(rest, i)
		}
	}
	for len(rest) > len(lines) && before >= 0 {
		p := all[rest[0]]
		join(&entries[before], p, true)
		if !p.afterBlank {
			entries[before].State, entries[before].Why = Ambiguous, fmt.Sprintf("line %d has no number and may belong to it", p.line)
		}
		rest = rest[1:]
	}
	for k, i := range lines {
		if len(rest) != len(lines) {
			entries[i].Why = fmt.Sprintf("%d lines without a number in the text, %d in the form", len(rest), len(lines))
			continue
		}
		p := all[rest[k]]
		entries[i].State, entries[i].Text, entries[i].Note, entries[i].Line = Matched, p.text, p.note, p.line
	}
}

// begins says whether a text is the torn-off beginning of the row after it:
// that row goes on in the middle of a sentence, or the text carries its ordinal.
func begins(text string, next Entry) bool {
	if lower(next.Text) {
		return true
	}
	m := ordinal.FindStringSubmatch(text)
	return m != nil && strings.HasSuffix(next.Number, "."+m[1])
}

func join(e *Entry, p piece, after bool) {
	if after {
		e.Text = strings.TrimSpace(e.Text + " " + p.text)
	} else {
		e.Text = strings.TrimSpace(p.text + " " + e.Text)
		e.Line = p.line
	}
	e.Note = strings.TrimSpace(e.Note + " " + p.note)
}

func lower(s string) bool {
	c, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLower(c)
}

package check

import (
	"strings"
	"unicode"

	"github.com/kkmtest/kkmtest/fiscal"
)

// printout is the paper of an operation made ready for searching. It is put
// together once, when the record is read: a hundred rows look at the same papers.
type printout struct {
	lines    []string
	low      []string // in lower case, blanks drawn together
	squashed string
	numbers  map[string]bool // runs of digits, without leading zeros
	sums     map[fiscal.Tiyn]bool
	measures map[string]bool // numbers as quantities: without needless zeros behind the point
}

func newPrintout(papers []*Paper) *printout {
	p := &printout{numbers: map[string]bool{}, sums: map[fiscal.Tiyn]bool{}, measures: map[string]bool{}}
	var all strings.Builder
	for _, paper := range papers {
		p.lines = append(p.lines, paper.Lines...)
	}
	for _, l := range p.lines {
		p.low = append(p.low, plainLine(l))
		all.WriteString(l)
		p.read(l)
	}
	p.squashed = squash(all.String())
	return p
}

// plainLine is a line for the search of words.
func plainLine(l string) string { return strings.ToLower(strings.Join(strings.Fields(l), " ")) }

func plainWords(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = plainLine(w)
	}
	return out
}

// read takes the numbers of a line: runs of digits, amounts with a point or comma
// and at most two decimals, and amounts whose digits are grouped in threes by one
// space or apostrophe.
func (p *printout) read(l string) {
	r := []rune(l)
	for i := 0; i < len(r); {
		if !isDigit(r[i]) {
			i++
			continue
		}
		j := digits(r, i)
		p.number(r[i:j])
		p.amount(r, i, j)
		group := append([]rune(nil), r[i:j]...)
		for k := j; j-i <= 3 && k+3 < len(r) && groups(r[k]) && digits(r, k+1) == k+4; {
			group = append(group, r[k+1:k+4]...)
			k += 4
			p.decimals(group, r, k)
			if k >= len(r) {
				break
			}
		}
		i = j
	}
}

func isDigit(c rune) bool { return c >= '0' && c <= '9' }

// digits is the end of the run of digits that begins at i.
func digits(r []rune, i int) int {
	for i < len(r) && isDigit(r[i]) {
		i++
	}
	return i
}

func groups(c rune) bool { return c == ' ' || c == '\'' || c == '\u00a0' || c == '\u202f' }

func (p *printout) number(d []rune) {
	p.numbers[strings.TrimLeft(string(d), "0")] = true
}

// amount reads r[i:j] with the decimals behind it as money and as a quantity.
func (p *printout) amount(r []rune, i, j int) {
	p.decimals(r[i:j], r, j)
	whole := strings.TrimLeft(string(r[i:j]), "0")
	if whole == "" {
		whole = "0"
	}
	frac := ""
	if j+1 < len(r) && (r[j] == '.' || r[j] == ',') {
		frac = strings.TrimRight(string(r[j+1:digits(r, j+1)]), "0")
	}
	if frac != "" {
		whole += "." + frac
	}
	p.measures[whole] = true
}

// decimals reads whole tenge and the one or two decimals that may stand at k.
func (p *printout) decimals(whole, r []rune, k int) {
	const most = 16 // digits of an amount that still fits
	if len(whole) > most {
		return
	}
	var t fiscal.Tiyn
	for _, c := range whole {
		t = t*10 + fiscal.Tiyn(c-'0')
	}
	t *= 100
	if k+1 < len(r) && (r[k] == '.' || r[k] == ',') && isDigit(r[k+1]) {
		end := digits(r, k+1)
		switch end - (k + 1) {
		case 1:
			t += fiscal.Tiyn(r[k+1]-'0') * 10
		case 2:
			t += fiscal.Tiyn(r[k+1]-'0')*10 + fiscal.Tiyn(r[k+2]-'0')
		default:
			return // three decimals: a quantity
		}
	}
	p.sums[t] = true
}

// shows says whether a number stands on the paper: as a run of digits of its own
// (leading zeros allowed), or with its digits grouped.
func (p *printout) shows(number string) bool {
	bare := strings.TrimLeft(number, "0")
	if bare == "" {
		return false
	}
	return p.numbers[bare] || numberIn(p.lines, number)
}

// holds says whether a text stands on the paper, wrapped anywhere.
func (p *printout) holds(text string) bool {
	t := squash(text)
	return t != "" && strings.Contains(p.squashed, t)
}

// saying finds the first line that holds one of the words as words of their own.
func (p *printout) saying(words []string) (string, bool) {
	words = plainWords(words)
	for i, l := range p.low {
		if sayingLine(l, words) {
			return p.lines[i], true
		}
	}
	return "", false
}

// squash makes texts comparable: without white space, in lower case, so that
// neither wrapping nor the printer's capitals matter.
func squash(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return -1
		}
		return unicode.ToLower(c)
	}, s)
}

package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
)

// explanations are the few words around what a judgement says.
var explanations = map[regulation.Lang]struct{ got, want, bytes, at, hint, record, packet, declared, limit, spare string }{
	regulation.Kazakh:  {"алынды", "күтілді", "байт", "орны", "ескерту", "жазба", "пакет", "бейін", "шегі", "қалғаны"},
	regulation.Russian: {"получено", "ожидалось", "байты", "место", "пояснение", "запись", "пакет", "профиль", "предел", "запас"},
	regulation.English: {"got", "want", "bytes", "at", "hint", "history", "packet", "profile", "limit", "to spare"},
}

// Cite is how a row is quoted: KZ 431 I 27.6.
func Cite(e regulation.Edition, section, row string) string {
	return strings.TrimSpace(e.Act + " " + section + " " + row)
}

// Explain prints a judgement as laboratories quote it. cite names the row (see
// [Cite]). Packets are named where the cited events tell of any.
//
//	KZ 431 I 27.6: got a sale at 72h01m00s ± 0.4s, want a refusal after 72h
//		bytes 04 00 8d 00
//		at    history 1482, capture.pcapng packet 90311
//		hint  counted from the oldest unsent receipt (history 17), not from the loss of the link
func Explain(v history.View, cite string, j Judgement, lang regulation.Lang) string {
	x, ok := explanations[lang]
	if !ok {
		lang = regulation.English
		x = explanations[lang]
	}
	p, said := j.Said(lang)
	var b strings.Builder
	switch {
	case j.result == Fail:
		if !said {
			p = Phrase{Want: j.violation.Want, Got: j.violation.Got, Hint: j.violation.Hint}
		}
		fmt.Fprintf(&b, "%s: %s %s, %s %s", cite, x.got, p.Got, x.want, p.Want)
	case j.result == Pass && j.measured != (Measured{}):
		fmt.Fprintf(&b, "%s: %s, %s", cite, j.result, j.measured.In(lang))
	case j.result == Pass:
		fmt.Fprintf(&b, "%s: %s", cite, j.result)
	default:
		why := j.reason
		if said {
			why = p.Why
		}
		fmt.Fprintf(&b, "%s: %s: %s", cite, j.result, why)
	}
	labels := []string{x.bytes, x.at, x.hint}
	if len(j.declared) > 0 {
		labels = append(labels, x.declared)
	}
	wide := 0
	for _, l := range labels {
		wide = max(wide, len([]rune(l)))
	}
	line := func(label, text string) {
		fmt.Fprintf(&b, "\n\t%s%s %s", label, strings.Repeat(" ", wide-len([]rune(label))), text)
	}
	if len(j.violation.Bytes) > 0 {
		line(x.bytes, fmt.Sprintf("% x", j.violation.Bytes))
	}
	if len(j.events) > 0 {
		at := make([]string, len(j.events))
		for i, n := range j.events {
			at[i] = seqText(n)
		}
		text := x.record + " " + strings.Join(at, ", ")
		for _, n := range j.events {
			if v == nil {
				break
			}
			if e, ok := v.Get(n); ok {
				if s, ok := e.Body.(history.Struck); ok {
					text += fmt.Sprintf(", capture.pcapng %s %d", x.packet, s.Packet)
				}
			}
		}
		line(x.at, text)
	}
	if p.Hint != "" {
		line(x.hint, p.Hint)
	}
	if len(j.declared) > 0 {
		var places []string
		for _, d := range j.declared {
			places = append(places, d.String())
		}
		line(x.declared, strings.Join(places, ", "))
	}
	return b.String()
}

// String says in English what was measured and how far it is from the limit.
func (m Measured) String() string { return m.In(regulation.English) }

// In says it in a language.
func (m Measured) In(lang regulation.Lang) string {
	x, ok := explanations[lang]
	if !ok {
		lang = regulation.English
		x = explanations[lang]
	}
	s := m.NameIn(lang) + " " + m.Span.String()
	if m.Limit != 0 {
		s += fmt.Sprintf(", %s %s, ", x.limit, whole(m.Limit))
		if lang == regulation.English {
			s += hms(m.Margin()) + " " + x.spare
		} else {
			s += x.spare + " " + hms(m.Margin())
		}
	}
	if m.Bounds != "" {
		s += " (" + m.BoundsIn(lang) + ")"
	}
	return s
}

// NameIn is what was measured, in a language.
func (m Measured) NameIn(lang regulation.Lang) string {
	if t, ok := vocabulary["measured."+m.Name][lang]; ok {
		return t
	}
	return m.Name
}

// BoundsIn tells in a language where the uncertainty comes from. A source that
// the vocabulary lacks (a driver of somebody else) stays as it is.
func (m Measured) BoundsIn(lang regulation.Lang) string {
	parts := strings.Split(m.Bounds, "; ")
	for i, p := range parts {
		for cut := len(p); cut > 0; cut = strings.LastIndexByte(p[:cut], ' ') {
			if t, ok := vocabulary["bounds."+p[:cut]][lang]; ok {
				parts[i] = t + p[cut:]
				break
			}
		}
	}
	return strings.Join(parts, "; ")
}

// Margin is what is left between the measured span and the limit.
func (m Measured) Margin() time.Duration { return m.Limit - m.Span.Hi }

// Tight says that the span ends within a twentieth of the limit: a mark for the
// reader, never part of a verdict.
func (m Measured) Tight() bool {
	return m.Limit != 0 && (m.Limit-m.Span.Hi).Abs() <= m.Limit/20
}

package wording

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kkmtest/kkmtest/bench/regulation"
)

func editions(t testing.TB) []regulation.Edition {
	t.Helper()
	all, err := regulation.LoadAll(os.DirFS("../../../fixtures/regulations"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func edition(t testing.TB, id string) regulation.Edition {
	t.Helper()
	e, err := regulation.Resolve(editions(t), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// said is the made-up sentence of a row: no act has it, and no two rows share it.
func said(r regulation.Row) string {
	return fmt.Sprintf("Сөйлем %s осы жолға ғана тән", strings.NewReplacer(".", "-", "h", "т").Replace(r.Number))
}

// ordinalOf is the ordinal that a sub-row carries in the act: "6) ".
func ordinalOf(number string) string {
	if i := strings.LastIndexByte(number, '.'); i >= 0 {
		return number[i+1:] + ") "
	}
	return ""
}

// flattened writes an edition as the legal database prints it, with the
// defects that the text of order 431 has. It gives the text and what each row
// has to come out with.
func flattened(e regulation.Edition) (text string, want map[string]string) {
	want = map[string]string{}
	var b strings.Builder
	b.WriteString("Бұйрық № 1\n\n1. Қоса беріліп отырған талаптар бекітілсін.\n\n2. Осы бұйрық ресми жарияланған соң күшіне енеді.\n\n**Нысан**\n\n\tБКМ үлгісі\tЕскерту\n--\t--\t---------\n\n№ п/п\tТалаптар\tМәліметтер\n")
	glued := map[string]bool{"38": true, "67": true, "68": true, "86": true, "96": true}
	done := map[string]bool{}
	for _, r := range e.Rows("all") {
		if done[r.Number] {
			continue
		}
		n, body := r.Printed, ordinalOf(r.Number)+said(r)
		if r.Number == r.Section || r.Kind == regulation.Heading {
			body = said(r)
		}
		want[r.Number] = body
		switch {
		case glued[r.Number]: // sub-rows in the cell of their group, one of them behind a footnote
			fmt.Fprintf(&b, "%s\t<p>%s</p>", n, body)
			for _, sub := range e.Rows("all") {
				if sub.Parent == r.Number && sub.Number != "68.4" {
					fmt.Fprintf(&b, " <p>%s %s%s;</p>", sub.Number, ordinalOf(sub.Number), said(sub))
					want[sub.Number] = ordinalOf(sub.Number) + said(sub) + ";"
					done[sub.Number] = true
				}
			}
			b.WriteString("\t\t\n")
		case r.Number == "I":
			b.WriteString("\n" + body + "\n\n")
		case n == "" && r.Number == "100": // the number of a whole row was lost behind a page break
			fmt.Fprintf(&b, "\n\t%s\t\n", body)
		case n == "":
			fmt.Fprintf(&b, "\t%s\t\t\n", body)
		case slices.Contains([]string{"28.3", "48", "90"}, r.Number): // the number stands behind the first line
			first, second, _ := strings.Cut(body, " осы ")
			fmt.Fprintf(&b, "\t%s\t\t\n\n%s\tосы %s\t\t\n", first, n, second)
		case slices.Contains([]string{"4", "12", "27", "93.7"}, r.Number): // torn by a page break
			first, second, _ := strings.Cut(body, " осы ")
			fmt.Fprintf(&b, "%s\t%s\t\t\n\n\tосы %s\t\t\n", n, first, second)
		case r.Number == "39" || r.Number == "85": // torn, and the second half begins with a capital
			fmt.Fprintf(&b, "%s\t%s\t\t\n\n\tҚұрамы мынадай:\t\t\n", n, body)
			want[r.Number] += " Құрамы мынадай:"
		case r.Number == "59.4": // the item stands above its number
			fmt.Fprintf(&b, "\t4) X-есеп.\t\t\n%s\tСерверден беріледі;\t\t\n", n)
			want[r.Number] = "4) X-есеп. Серверден беріледі;"
		case r.Number == "53.23": // the footnote of other rows
			fmt.Fprintf(&b, "%s\t%s\t\t\n\n\tЕскерту: * хаттамаға сәйкес.\t\n", n, body)
		case r.NoteKey != "" && r.Section == "III": // the note goes on behind a page break
			fmt.Fprintf(&b, "%s\t%s\tФункция\n\n\t\tміндетті\n", n, body)
		case strings.HasPrefix(r.Number, "19.4"): // columns shifted by one
			fmt.Fprintf(&b, "\t%s\t%s\t\n", n, body)
		case strings.HasPrefix(r.Number, "20."):
			fmt.Fprintf(&b, "%s\t\t%s\t\n", n, body)
		default:
			fmt.Fprintf(&b, "%s\t%s\t\t%s\n", n, body, r.Notes[regulation.Kazakh])
		}
	}
	return b.String(), want
}

func TestImportWithTheDefectsOfOrder431(t *testing.T) {
	e := edition(t, "kz-431-2014")
	text, want := flattened(e)
	o, err := Import(e, regulation.Kazakh, "x.txt", []byte(text), editions(t))
	if err != nil {
		t.Fatal(err)
	}
	numbers := 0
	for i, r := range e.Rows("all") {
		got := o.Rows[i]
		if got.Number != r.Number || got.State != Matched || got.Text != want[r.Number] {
			t.Errorf("row %s: got %s %s %q (%s), want %q", r.Number, got.Number, got.State, got.Text, got.Why, want[r.Number])
		}
		if got.Digest != r.Digest {
			t.Errorf("row %s: digest %s of another row", r.Number, got.Digest)
		}
		if r.Printed != "" && got.State == Matched {
			numbers++
		}
	}
	if numbers != 426 {
		t.Errorf("%d of 426 numbers matched", numbers)
	}
	if r := entry(o, "85.12"); r.Note != "Функция міндетті" {
		t.Errorf("a torn note came out as %q", r.Note)
	}
	if r := entry(o, "53.23"); r.Note != "Ескерту: * хаттамаға сәйкес." {
		t.Errorf("a footnote came out as %q", r.Note)
	}
	with := e.WithWording(regulation.Kazakh, o.Words())
	if r, _ := with.Find("27.6"); r.Official[regulation.Kazakh] != want["27.6"] {
		t.Errorf("official wording of 27.6: %q", r.Official)
	}
	if r, _ := e.Find("27.6"); r.Official != nil {
		t.Error("the catalogue itself was changed")
	}
}

func entry(o Overlay, number string) Entry {
	for _, r := range o.Rows {
		if r.Number == number {
			return r
		}
	}
	return Entry{}
}

// What cannot be told apart is said, and no other row suffers from it.
func TestImportSaysWhatItCannotTell(t *testing.T) {
	e := edition(t, "kz-431-2014")
	text, want := flattened(e)
	tests := []struct {
		name, old, new string
		states         map[string]State // every other row stays matched
		why            string
	}{
		{"a row is gone", "23.\tСөйлем 23 осы жолға ғана тән\t\t\n", "", map[string]State{"23": Missing}, "the text has no number 23 in this place"},
		{"a row stands twice", "23.\tСөйлем 23 осы жолға ғана тән\t\t\n", "23.\tСөйлем 23 осы жолға ғана тән\t\t\n23.\tБасқа сөйлем\t\t\n", map[string]State{"23": Ambiguous}, "the text has number 23 2 times, the form 1 times"},
		{"a number without a text", "23.\tСөйлем 23 осы жолға ғана тән\t\t\n", "23.\t\t\t\n", map[string]State{"23": Missing}, "the number stands there without a text"},
		{"a heading is gone", "\tСөйлем I-т1 осы жолға ғана тән\t\t\n", "", map[string]State{"I.h1": Missing}, "0 lines without a number in the text, 1 in the form"},
		{"a loose line more", "24.\tСөйлем 24", "\tБөтен жол\t\t\n24.\tСөйлем 24", map[string]State{"23": Ambiguous}, "has no number and may belong to it"},
		{"a strange number", "24.\tСөйлем 24", "999.\tБөтен жол\t\t\n24.\tСөйлем 24", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Count(text, tt.old) != 1 {
				t.Fatalf("%q stands %d times", tt.old, strings.Count(text, tt.old))
			}
			o, err := Import(e, regulation.Kazakh, "x.txt", []byte(strings.Replace(text, tt.old, tt.new, 1)), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range o.Rows {
				state := Matched
				if s, ok := tt.states[r.Number]; ok {
					state = s
					if !strings.Contains(r.Why, tt.why) {
						t.Errorf("row %s: why %q, want %q", r.Number, r.Why, tt.why)
					}
				}
				if r.State != state || state == Matched && r.Text != want[r.Number] {
					t.Errorf("row %s: %s %q (%s), want %s", r.Number, r.State, r.Text, r.Why, state)
				}
			}
		})
	}
}

const act = `Негиздеме

1. Максаты

Долбоор

- 2 жана 3-пунктулары төмөнкү редакцияда берилсин:

«2. Экинчи пункт.

3. Үчүнчү пункт.»;

- 9-пунктунун:

экинчи абзацы күчүн жоготкон катары таанылсын;

«- кассета деген бөлүк.»;

- 20-пункту төмөнкү редакцияда берилсин:

«20. Жыйырманчы.»;

- 21-пунктунун:

биринчи сүйлөмүндөгү «а» деген сөз «б» деген сөзгө алмаштырылсын;

- 25-пункту төмөнкү редакцияда берилсин:

«25. Жыйырма бешинчи.»;

- 31-пунктунун экинчи сүйлөмү төмөнкү редакцияда берилсин:

«Акча берилет.»;

- 32-пункту төмөнкү редакцияда берилсин:

«32. Отуз экинчи.»;

53, 54, 55-пунктулары төмөнкү редакцияда берилсин:

«53. Элүү үчүнчү.

54. Элүү төртүнчү.

55. Элүү бешинчи.»;

- 56-пунктунун:

«(дубалга)» деген сөздөрдөн кийин «жана» деген сөз менен толукталсын;

- Жобо төмөнкү мазмундагы 56-1-пункт менен толукталсын:

«56-1. Камсыздалат жана/же:

- видео;

- сигнализация.»;

- 57-пункту төмөнкү редакцияда берилсин:

«57. Чек берилет.»;

Жобо төмөнкү мазмундагы 57-1-пункт менен толукталсын:

«57-1. Тобокелдиктер эске алынат:

- биринчи;

- экинчи;

- үчүнчү;

- төртүнчү;

- бешинчи;

- алтынчы.»;

- 9-главанын 2 жана 4-параграфтары күчүн жоготкон катары таанылсын;

«§3. Инкассация

62. А.

63. Б.

64. В.

65. Г.

66. Д.

67. Е.

68. Ж.

69. З.»;

- 8- тиркеме төмөнкү редакцияда берилсин:

КИТЕП

Долбоор

САЛЫШТЫРМА ТАБЛИЦАСЫ

2. Эски экинчи пункт.

2. Экинчи пункт.

58. Эски элүү сегизинчи.

(редакция)

59. Эски элүү тогузунчу.

60. Эски алтымышынчы.

61. Эски алтымыш биринчи.

70. Эски 70.

71. Эски 71.

72. Эски 72.

73. Эски 73.

74. Эски 74.

75. Эски 75.

76. Эски 76.

КИТЕП эски
`

func TestImportClauses(t *testing.T) {
	e := edition(t, "kg")
	o, err := Import(e, regulation.Kyrgyz, "x.txt", []byte(act), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		number string
		state  State
		text   string
	}{
		{"2", Matched, "Экинчи пункт."}, {"3", Matched, "Үчүнчү пункт"}, {"9", Matched, "экинчи абзацы күчүн жоготкон катары таанылсын"}, {"9.1", Matched, "кассета деген бөлүк"},
		{"20", Matched, "Жыйырманчы"}, {"21", Matched, "биринчи сүйлөмүндөгү «а» деген сөз «б» деген сөзгө алмаштырылсын"}, {"31", Matched, "Акча берилет"},
		{"54", Matched, "Элүү төртүнчү."}, {"56", Matched, "«(дубалга)» деген сөздөрдөн кийин «жана» деген сөз менен толукталсын"},
		{"56-1.1", Missing, ""}, {"57-1", Matched, "Тобокелдиктер эске алынат:"}, {"57-1.1", Matched, "биринчи"}, {"57-1.6", Matched, "алтынчы"},
		{"58", Ambiguous, "Эски элүү сегизинчи."}, {"76", Ambiguous, "Эски 76."}, {"69", Matched, "З"}, {"A8", Matched, "КИТЕП"}, {"A8.1", Missing, ""}, {"ch1", Missing, ""},
	} {
		r := entry(o, tt.number)
		if r.State != tt.state || r.Text != tt.text {
			t.Errorf("%s: got %s %q (%s), want %s %q", tt.number, r.State, r.Text, r.Why, tt.state, tt.text)
		}
		if r.State != Matched && r.Why == "" {
			t.Errorf("%s: %s without a reason", tt.number, r.State)
		}
	}
}

func TestWrongDocuments(t *testing.T) {
	all := editions(t)
	text, _ := flattened(edition(t, "431"))
	for _, tt := range []struct{ edition, text, want string }{
		{"626", text, "x.txt has 129 of 229 numbers of kz-626-2025: it looks like kz-431-2014 (426 of 426): want --edition kz-431-2014"},
		{"kg", text, "it looks like kz-431-2014"},
		{"431", act, "it looks like kg-9-10-draft (34 of 34)"},
		{"431", "hello\n", "x.txt has 0 of 426 numbers of kz-431-2014: want the text of KZ 431 as copied from the legal database"},
		{"431", "", "0 of 426"},
		{"431", "\xff\xfe", "bytes that are not UTF-8"},
		{"431", strings.ReplaceAll(text, "\t", " "), "with tabs between the cells"},
	} {
		if _, err := Import(edition(t, tt.edition), regulation.Kazakh, "x.txt", []byte(tt.text), all); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.edition, err, tt.want)
		}
	}
}

func TestOverlayRoundTrip(t *testing.T) {
	all := editions(t)
	e := edition(t, "431")
	text, _ := flattened(e)
	o, err := Import(e, regulation.Kazakh, "x.txt", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode("o.json", raw, all)
	if err != nil || len(back.Rows) != len(o.Rows) || back.Rows[100] != o.Rows[100] || back.Digest != o.Digest {
		t.Fatalf("got %d rows, %v", len(back.Rows), err)
	}
	stale := strings.Replace(string(raw), entry(o, "27.6").Digest, strings.Repeat("0", 64), 1)
	back, err = Decode("o.json", []byte(stale), all)
	if r := entry(back, "27.6"); err != nil || r.State != Ambiguous || !strings.Contains(r.Why, "changed since the import") {
		t.Errorf("a changed row: %+v, %v", r, err)
	}
	for _, bad := range []string{"", "{}", `{"format":1,"edition":"xx"}`, `{"format":2}`, `{"formt":1}`} {
		if _, err := Decode("o.json", []byte(bad), all); err == nil || !strings.HasPrefix(err.Error(), "o.json: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzImport(f *testing.F) {
	all := editions(f)
	kz, kg := all[1], all[0]
	text, _ := flattened(kz)
	f.Add([]byte(text[:4000]))
	f.Add([]byte(act))
	f.Add([]byte("1.\t\n\n\t\t\n1.1\t1) a 1.1.1 1) b\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ps := pieces(string(raw))
		if len(ps) > 400 {
			return
		}
		for _, o := range [][]Entry{table(kz, string(raw)), clauses(kg, string(raw))} {
			for _, r := range o {
				if r.State == Matched && r.Text == "" {
					t.Errorf("row %s matched without a text", r.Number)
				}
			}
		}
	})
}

// Package regulation holds the requirement catalogues as data: editions,
// sections, numbered rows, their parameters and the check that verifies them.
//
// It imports nothing of ours and reads the [io/fs.FS] that it is handed. It
// judges nothing: a row names a check by its key, and every limit of the law
// (72 h, 24 h, 7 s, 5 s, 720 h) stands in a catalogue and nowhere in Go code.
//
// Begin with [Load] and [Edition]. [Lint] tells what is wrong with a catalogue,
// with file, line and column.
package regulation

// Lang is a language of titles: kk, ru, en, ky.
type Lang string

// The languages.
const (
	Kazakh  Lang = "kk"
	Russian Lang = "ru"
	English Lang = "en"
	Kyrgyz  Lang = "ky"
)

// Kind is the kind of a numbered or unnumbered line of the form.
type Kind string

// The kinds. A group has sub-rows and may require something itself.
const (
	SectionTitle Kind = "section"
	Heading      Kind = "heading"
	Group        Kind = "group"
	PlainRow     Kind = "row"
)

// Obligation says whether the row binds.
type Obligation string

// The obligations.
const (
	Mandatory   Obligation = "mandatory"
	Optional    Obligation = "optional"    // implementing it is not obligatory; a wrong implementation still fails
	Conditional Obligation = "conditional" // binds when Condition holds for the device profile
)

// Row is one line of the form.
type Row struct {
	Section      string // ID of the section that it stands in
	Number       string // corrected number, unique in the edition: 27.6, I.h1
	Printed      string // as printed, "" when the line has no number
	Parent       string // Number of the row above in the hierarchy, ""
	Kind         Kind
	Title        map[Lang]string // our own words
	Obligation   Obligation
	Condition    string // over profile fields; "" unless Conditional
	Params       Params
	Methods      []string // ofd device receipt net time operator document
	Check        string   // check key, "" when none
	Demand       string   // document demand: what the manufacturer has to show, "" when none
	Prompt       string   // what an operator has to do and look at, "" when none
	Counterparts []Ref    // same requirement in other sections
	Predecessor  []string // rows of the older edition that it continues
	Note         string   // note column of the form
	Defect       string   // numbering or wording defect of the source and how it was read
	Class        string   // Kyrgyz edition: bench, document, not_device; "" elsewhere
	Digest       string   // over text, parameters and edition; a finding stores it

	// Demand, Prompt and Note above are English; these hold all languages of
	// the edition. They come from texts.tsv, where equal ones stand once.
	Demands, Prompts, Notes       map[Lang]string
	DemandKey, PromptKey, NoteKey string

	// Official is the authority's own wording where it was imported (see
	// [Edition.WithWording]), nil otherwise: a form then says that the wording
	// is ours.
	Official map[Lang]string

	File string // where the row stands in the catalogue
	Line int
}

// Ref names a row of a section; Opposite marks the reverse behaviour, Reason
// says why the two are not in step where they are not.
type Ref struct {
	Section, Number string
	Opposite        bool
	Reason          string
}

// Section is a part of an edition: I, II, III, or R for the receipt chapter of order 626.
type Section struct {
	ID    string
	Title map[Lang]string
	Rows  []Row // in the order of the form, headings included
}

// Edition is one version of one regulation.
type Edition struct {
	ID      string // kz-431-2014
	Title   map[Lang]string
	Form    map[Lang]string // title of the conformance form
	Act     string          // KZ 431, KZ 626, KG 9/10: how findings cite it
	Country string          // KZ, KG
	Langs   []Lang          // languages of its titles, the authority's own first
	After   string          // ID of the older edition that Row.Predecessor speaks of, ""
	Status  string          // in-force, repealed, draft
	Since   string          // date it came into force, or ""
	Until   string          // date it ceased, or ""
	// Numbering is continuous or partial: an amending act names only the
	// clauses that it changes.
	Numbering string
	Want      map[string]int // printed numbers by section, as counted in the act
	Sections  []Section
	Digest    string
}

// Section finds a section by its ID.
func (e Edition) Section(id string) (Section, bool) {
	for _, s := range e.Sections {
		if s.ID == id {
			return s, true
		}
	}
	return Section{}, false
}

// Row finds a row by its corrected number.
func (s Section) Row(number string) (Row, bool) {
	for _, r := range s.Rows {
		if r.Number == number {
			return r, true
		}
	}
	return Row{}, false
}

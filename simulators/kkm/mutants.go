package kkm

// Mutant is a register with one defect.
type Mutant struct {
	Name         string
	Defect       string   // what it does wrong, in a sentence
	Caught       []string // checks that must fail: "check" or "check/principal"
	Consequences []string // checks that may fail as well because of the defect
}

// Mutants lists the defects in a fixed order.
func Mutants() []Mutant { return nil }

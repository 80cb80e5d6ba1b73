package docx

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The parts follow docx.xsd: elements, attributes and the types of their values.
// xmllint is there in CI; elsewhere the order is held by
// TestElementsStandInTheOrderOfTheSchema.
func TestPartsFollowTheSchema(t *testing.T) {
	tool, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("xmllint is not installed, and this is CI")
		}
		t.Log("no xmllint here: the types of the values are checked in CI only")
		return
	}
	lint := func(name, text string) (string, error) {
		file := filepath.Join(t.TempDir(), filepath.Base(name))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool, "--noout", "--schema", "../../../fixtures/schemas/docx.xsd", file).CombinedOutput()
		return string(out), err
	}
	ps := parts(t, sample())
	for _, name := range []string{"word/document.xml", "word/footer1.xml", "word/styles.xml", "word/settings.xml"} {
		if out, err := lint(name, ps[name]); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	for _, tt := range [][3]string{
		{"a value of another type", `<w:tblLayout w:type="fixed"/>`, `<w:tblLayout w:type="firm"/>`},
		{"another order", `<w:tblHeader/></w:trPr>`, `<w:tblHeader/><w:jc/></w:trPr>`},
		{"a number that is none", `w:w="11906"`, `w:w="wide"`},
		{"an attribute too many", `<w:cantSplit/>`, `<w:cantSplit w:x="1"/>`},
	} {
		bad := strings.Replace(ps["word/document.xml"], tt[1], tt[2], 1)
		if bad == ps["word/document.xml"] {
			t.Fatalf("%s: %q is not in the document", tt[0], tt[1])
		}
		if _, err := lint("bad.xml", bad); err == nil {
			t.Errorf("%s: the schema lets it pass", tt[0])
		}
	}
}

package operator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// maxFile bounds an attachment: photos of a receipt have a few megabytes.
const maxFile = 64 << 20

// attach takes the digests of files and keeps copies under them. What is told
// of each is "sha256:DIGEST NAME".
func attach(dir string, files []string) ([]string, error) {
	var out []string
	for _, f := range files {
		sum, err := keep(dir, f)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", f, err)
		}
		out = append(out, "sha256:"+sum+" "+filepath.Base(f))
	}
	return out, nil
}

func keep(dir, name string) (sum string, err error) {
	in, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	h := sha256.New()
	if dir == "" {
		if _, err := io.Copy(h, io.LimitReader(in, maxFile)); err != nil {
			return "", err
		}
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, "part-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.MultiWriter(tmp, h), io.LimitReader(in, maxFile))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	sum = hex.EncodeToString(h.Sum(nil))
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, sum+strings.ToLower(filepath.Ext(name))))
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(tmp.Name()))
	}
	return sum, nil
}

// picture says whether a file is one that an optical reader takes.
func picture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp":
		return true
	}
	return false
}

// Reader reads a picture of paper. What it finds is a proposal and no more.
type Reader interface {
	Read(ctx context.Context, file string) ([]string, error)
}

// Tesseract is the optical reader of that name, a program of somebody else that
// a bench may have installed.
type Tesseract struct {
	Path      string
	Languages []string // as it calls them: kaz, rus
}

// FindTesseract looks for the program and for the languages of receipts; nil
// when there is none. why says what is missing.
func FindTesseract(ctx context.Context) (t *Tesseract, why string) {
	path, err := exec.LookPath("tesseract")
	if err != nil {
		return nil, "tesseract is not installed"
	}
	out, err := exec.CommandContext(ctx, path, "--list-langs").CombinedOutput()
	if err != nil {
		return nil, fmt.Sprintf("%s --list-langs: %v", path, err)
	}
	t = &Tesseract{Path: path}
	for _, l := range []string{"kaz", "rus"} {
		if slices.Contains(strings.Fields(string(out)), l) {
			t.Languages = append(t.Languages, l)
		}
	}
	if len(t.Languages) == 0 {
		return nil, path + " has neither kaz nor rus"
	}
	return t, ""
}

// Read asks the program. Empty lines are left out: the distance between lines
// on paper means nothing.
func (t *Tesseract) Read(ctx context.Context, file string) ([]string, error) {
	abs, err := filepath.Abs(file) // a name that begins with a dash would be an option
	if err != nil {
		return nil, err
	}
	// 6: one block of text of one size, which is what a receipt is.
	cmd := exec.CommandContext(ctx, t.Path, abs, "stdout", "-l", strings.Join(t.Languages, "+"), "--psm", "6")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %.200s", t.Path, err, said.String())
	}
	var lines []string
	for l := range strings.SplitSeq(string(out), "\n") {
		l = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, strings.TrimRightFunc(l, unicode.IsSpace))
		if l != "" && len(lines) < maxLines {
			lines = append(lines, l)
		}
	}
	return lines, nil
}

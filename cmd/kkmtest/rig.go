package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kkmtest/kkmtest/bench"
	"github.com/kkmtest/kkmtest/bench/campaign"
	"github.com/kkmtest/kkmtest/bench/profile"
	"github.com/kkmtest/kkmtest/fixtures"
)

// readProfile reads the device profile: the file that was named, or the one of
// the built-in register, which goes for an emulator in another process too. It
// also gives the section that the profile declares.
func readProfile(path string, url bench.DeviceURL) (raw []byte, section string, err error) {
	name := path
	if path != "" {
		raw, err = os.ReadFile(path)
		if err != nil {
			return nil, "", fmt.Errorf("--profile: %w", err)
		}
	} else {
		if url.Profile == "" {
			url.Profile = "section-1"
		}
		name = "profiles/" + url.Profile + ".yaml"
		if raw, err = fs.ReadFile(fixtures.FS, name); err != nil {
			return nil, "", fmt.Errorf("--device: profile %q: no such built-in profile; want one of %s", url.Profile, names(emulators()))
		}
	}
	p, err := profile.Load(name, raw)
	return raw, p.Section, err
}

// declares reads the profile of a run.
func declares(raw []byte) (profile.Profile, error) { return profile.Load(campaign.ProfileFile, raw) }

// declaredIn is the profile of a run directory. One that is not there or cannot be
// read declares nothing here: the record has what counts.
func declaredIn(dir string) profile.Profile {
	raw, err := os.ReadFile(filepath.Join(dir, campaign.ProfileFile))
	if err == nil {
		if p, err := declares(raw); err == nil {
			return p
		}
	}
	return profile.Profile{Name: campaign.ProfileFile}
}

// rigOptions says what rig a run needs. Everything that can be wrong with the
// call is found here, before the register is touched.
func rigOptions(a campaign.Asked, raw []byte) (bench.Options, error) {
	url, err := bench.ParseDeviceURL(a.Device)
	if err != nil {
		return bench.Options{}, err
	}
	p, err := profile.Load(campaign.ProfileFile, raw)
	if err != nil {
		return bench.Options{}, err
	}
	o := bench.Options{URL: url, Profile: p, Mutant: a.Mutant, Seed: a.Seed, OFDListen: a.OFDListen, Section: a.Section, Editions: a.Editions}
	if !url.Emulated() {
		return o, nil
	}
	if err := checkMutant(a.Mutant); err != nil {
		return o, err
	}
	o.Emulator, err = emulator(url.Profile)
	return o, err
}

// Package reports turns a judged record into documents: findings.json for
// programs, junit.xml for CI, one HTML page for whoever looks for a reason, and
// the conformance form that a manufacturer files and a laboratory signs.
//
// It never judges: every verdict comes in as a [check.Finding]. It knows no
// device and no simulator, it reads no clock, and what it writes is a function
// of the [Run] alone: the same run gives the same bytes. A run that broke off
// gives the same documents, with a word about it on top.
//
// A row without a finding is written as notchecked, never left out; findings
// that contradict each other or name a row that the form does not have are an
// error, because a document that hides one of two verdicts is worse than none.
//
// Begin with [Run], then [WriteFindings], [WriteJUnit] and [WriteForm]. Words
// in three languages are in package words, pictures of events in package
// evidence, paper in packages paper, docx and pdf.
package reports

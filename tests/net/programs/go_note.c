/* go_note.c: for run_raw.sh: makes a program look like one of Go's, which tell themselves by a note. */
__asm__(".pushsection .note.go.buildid, \"a\", @note\n"
	"	.balign 4\n"
	"	.long 4, 4, 4\n"
	"	.asciz \"Go\"\n"
	"	.byte 0\n"
	"	.long 0\n"
	".popsection\n");

/* scan - see scan.h. A table-less state machine: one state per place in the
 * grammar, one byte per step. s->sub is the state's own small memory:
 *   in strings   STRING_KEY | STRING_PAIR
 *   in literals  the literal's number * 8 + the place within it
 * in_object has a bit for each open bracket, so closing needs no stack. */
#include "scan.h"

#include <stdbool.h>
#include <string.h>

enum state {
	ST_START,       /* before the top level */
	ST_KEY_OR_END,  /* after { */
	ST_KEY,         /* after , in an object */
	ST_COLON,
	ST_VALUE,
	ST_VALUE_OR_END,/* after [ */
	ST_AFTER,       /* after a value: , or a closing bracket */
	ST_STRING,
	ST_ESCAPE,      /* after a backslash */
	ST_HEX,         /* after \u */
	ST_LOW_SLASH,   /* after a high surrogate: \ */
	ST_LOW_U,       /* then u */
	ST_MINUS,
	ST_ZERO,        /* the numbers; a leading 0 ends the integer part */
	ST_INT,
	ST_DOT,
	ST_FRACTION,
	ST_E,
	ST_E_SIGN,
	ST_EXPONENT,
	ST_LITERAL,
	ST_END,         /* the object is complete */
};

#define STRING_KEY 1u  /* the string is a key */
#define STRING_PAIR 2u /* \u must be the low half of a surrogate pair */

static const char *const literals[] = { "true", "false", "null" };

void scan_init(struct scan *s)
{
	*s = (struct scan){ .result = SCAN_MORE, .line = 1, .column = 1,
			    .state = ST_START };
}

static void fault(struct scan *s, const char *reason)
{
	s->result = SCAN_INVALID;
	s->reason = reason;
}

static bool in_object(const struct scan *s)
{
	return s->in_object >> (s->depth - 1) & 1;
}

static void open_bracket(struct scan *s, bool object)
{
	uint64_t bit;

	if (s->depth == SCAN_DEPTH_MAX) {
		fault(s, "nested too deeply");
		return;
	}
	bit = (uint64_t)1 << s->depth++;
	if (object)
		s->in_object |= bit;
	else
		s->in_object &= ~bit;
	s->state = object ? ST_KEY_OR_END : ST_VALUE_OR_END;
}

static void close_bracket(struct scan *s)
{
	s->depth--;
	if (s->depth > 0) {
		s->state = ST_AFTER;
		return;
	}
	s->state = ST_END;
	s->result = SCAN_COMPLETE;
}

static void open_string(struct scan *s, bool key)
{
	s->state = ST_STRING;
	s->sub = key ? STRING_KEY : 0;
}

static void step_start(struct scan *s, unsigned char c)
{
	if (c == '{')
		open_bracket(s, true);
	else if (c == '\0')
		fault(s, "the content is NUL bytes");
	else if (c == 0xef)
		fault(s, "a byte order mark, or text that is not JSON");
	else
		fault(s, "a record file begins with {");
}

static void step_value(struct scan *s, unsigned char c)
{
	size_t i;

	switch (c) {
	case '{':
	case '[':
		open_bracket(s, c == '{');
		return;
	case ']':
		if (s->state == ST_VALUE_OR_END)
			close_bracket(s);
		else
			fault(s, in_object(s) ? "a value is missing before ]" :
			      "a comma before ]");
		return;
	case '"':
		open_string(s, false);
		return;
	case '-':
		s->state = ST_MINUS;
		return;
	case '0':
		s->state = ST_ZERO;
		return;
	default:
		break;
	}
	if (c >= '1' && c <= '9') {
		s->state = ST_INT;
		return;
	}
	for (i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		if (c != (unsigned char)literals[i][0])
			continue;
		s->state = ST_LITERAL;
		s->sub = (unsigned char)(i * 8 + 1);
		return;
	}
	fault(s, c == '\'' ? "strings need double quotes" :
	      c == '}' || c == ',' ? "a value is missing" :
	      "not a JSON value");
}

static void step_key(struct scan *s, unsigned char c)
{
	if (c == '"')
		open_string(s, true);
	else if (c == '}' && s->state == ST_KEY_OR_END)
		close_bracket(s);
	else
		fault(s, c == '}' ? "a comma before }" :
		      "a key in double quotes is missing");
}

static void step_after(struct scan *s, unsigned char c)
{
	bool object = in_object(s);

	if (c == ',')
		s->state = object ? ST_KEY : ST_VALUE;
	else if (c == (object ? '}' : ']'))
		close_bracket(s);
	else
		fault(s, object ? "a comma or } is missing" :
		      "a comma or ] is missing");
}

/* The end of a string or literal. */
static void end_string(struct scan *s)
{
	s->state = s->sub & STRING_KEY ? ST_COLON : ST_AFTER;
}

/* The first byte of a character of two to four bytes in a string. */
static void start_utf8(struct scan *s, unsigned char c)
{
	s->utf8_lo = 0x80;
	s->utf8_hi = 0xbf;
	if (c >= 0xc2 && c <= 0xdf) {
		s->utf8_left = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		s->utf8_left = 2;
		if (c == 0xe0)
			s->utf8_lo = 0xa0; /* else overlong */
		if (c == 0xed)
			s->utf8_hi = 0x9f; /* else a surrogate */
	} else if (c >= 0xf0 && c <= 0xf4) {
		s->utf8_left = 3;
		if (c == 0xf0)
			s->utf8_lo = 0x90;
		if (c == 0xf4)
			s->utf8_hi = 0x8f; /* else beyond U+10FFFF */
	} else {
		fault(s, "bytes that are not UTF-8");
	}
}

static void step_utf8(struct scan *s, unsigned char c)
{
	if (c < s->utf8_lo || c > s->utf8_hi) {
		fault(s, "bytes that are not UTF-8");
		return;
	}
	s->utf8_lo = 0x80;
	s->utf8_hi = 0xbf;
	s->utf8_left--;
}

static void step_string(struct scan *s, unsigned char c)
{
	if (c == '"')
		end_string(s);
	else if (c == '\\')
		s->state = ST_ESCAPE;
	else if (c == '\n')
		fault(s, "a line break inside a string (write \\n)");
	else if (c < 0x20)
		fault(s, "a control character inside a string");
	else if (c >= 0x80)
		start_utf8(s, c);
}

static void step_escape(struct scan *s, unsigned char c)
{
	if (c == 'u') {
		s->state = ST_HEX;
		s->hex_left = 4;
		s->hex_value = 0;
	} else if (c != '\0' && strchr("\"\\/bfnrt", c)) {
		s->state = ST_STRING;
	} else {
		fault(s, "an unknown escape after \\");
	}
}

static void step_hex(struct scan *s, unsigned char c)
{
	unsigned digit;

	if (c >= '0' && c <= '9')
		digit = c - '0';
	else if (c >= 'a' && c <= 'f')
		digit = c - 'a' + 10u;
	else if (c >= 'A' && c <= 'F')
		digit = c - 'A' + 10u;
	else {
		fault(s, "\\u needs four hexadecimal digits");
		return;
	}
	s->hex_value = (uint16_t)((unsigned)s->hex_value << 4 | digit);
	if (--s->hex_left > 0)
		return;
	s->state = ST_STRING;
	if (s->sub & STRING_PAIR) {
		s->sub &= (unsigned char)~STRING_PAIR;
		if (s->hex_value < 0xdc00 || s->hex_value > 0xdfff)
			fault(s, "half of a surrogate pair");
	} else if (s->hex_value >= 0xdc00 && s->hex_value <= 0xdfff) {
		fault(s, "half of a surrogate pair");
	} else if (s->hex_value >= 0xd800 && s->hex_value <= 0xdbff) {
		s->sub |= STRING_PAIR;
		s->state = ST_LOW_SLASH;
	} else if (s->hex_value == 0 && s->sub & STRING_KEY) {
		fault(s, "a NUL character in a key");
	}
}

static void step_low_half(struct scan *s, unsigned char c)
{
	if (c != (s->state == ST_LOW_SLASH ? '\\' : 'u')) {
		fault(s, "half of a surrogate pair");
	} else if (s->state == ST_LOW_SLASH) {
		s->state = ST_LOW_U;
	} else {
		s->state = ST_HEX;
		s->hex_left = 4;
		s->hex_value = 0;
	}
}

static void step_literal(struct scan *s, unsigned char c)
{
	const char *word = literals[s->sub / 8];

	if (c != (unsigned char)word[s->sub % 8]) {
		fault(s, "a word that is not true, false or null");
		return;
	}
	s->sub++;
	if (word[s->sub % 8] == '\0')
		s->state = ST_AFTER;
}

/* Returns false if the number ended before c. */
static bool step_number(struct scan *s, unsigned char c)
{
	bool digit = c >= '0' && c <= '9';

	if (s->state == ST_MINUS && digit)
		s->state = c == '0' ? ST_ZERO : ST_INT;
	else if (s->state == ST_INT && digit)
		;
	else if ((s->state == ST_INT || s->state == ST_ZERO) && c == '.')
		s->state = ST_DOT;
	else if ((s->state == ST_INT || s->state == ST_ZERO ||
		  s->state == ST_FRACTION) && (c == 'e' || c == 'E'))
		s->state = ST_E;
	else if ((s->state == ST_DOT || s->state == ST_FRACTION) && digit)
		s->state = ST_FRACTION;
	else if (s->state == ST_E && (c == '+' || c == '-'))
		s->state = ST_E_SIGN;
	else if ((s->state == ST_E || s->state == ST_E_SIGN ||
		  s->state == ST_EXPONENT) && digit)
		s->state = ST_EXPONENT;
	else if (s->state == ST_MINUS || s->state == ST_DOT ||
		 s->state == ST_E || s->state == ST_E_SIGN)
		fault(s, "a digit is missing in a number");
	else if (s->state == ST_ZERO && digit)
		fault(s, "a number with a leading zero");
	else
		return false;
	return true;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Between tokens. */
static void step_token(struct scan *s, unsigned char c)
{
	if (is_blank(c))
		return;
	if (c == '/' || c == '#')
		fault(s, "JSON has no comments");
	else if (c == '\0' && s->state != ST_START)
		fault(s, "a NUL byte");
	else if (s->state == ST_START)
		step_start(s, c);
	else if (s->state == ST_KEY_OR_END || s->state == ST_KEY)
		step_key(s, c);
	else if (s->state == ST_VALUE || s->state == ST_VALUE_OR_END)
		step_value(s, c);
	else if (s->state == ST_AFTER)
		step_after(s, c);
	else if (s->state == ST_END)
		fault(s, "text after the end of the record");
	else if (c == ':')
		s->state = ST_VALUE;
	else
		fault(s, "a colon is missing after the key");
}

static void step(struct scan *s, unsigned char c)
{
	if (s->utf8_left > 0) {
		step_utf8(s, c);
		return;
	}
	switch ((enum state)s->state) {
	case ST_STRING:
		step_string(s, c);
		break;
	case ST_ESCAPE:
		step_escape(s, c);
		break;
	case ST_HEX:
		step_hex(s, c);
		break;
	case ST_LOW_SLASH:
	case ST_LOW_U:
		step_low_half(s, c);
		break;
	case ST_LITERAL:
		step_literal(s, c);
		break;
	case ST_MINUS:
	case ST_ZERO:
	case ST_INT:
	case ST_DOT:
	case ST_FRACTION:
	case ST_E:
	case ST_E_SIGN:
	case ST_EXPONENT:
		if (step_number(s, c))
			break;
		s->state = ST_AFTER;
		step_token(s, c);
		break;
	case ST_START:
	case ST_KEY_OR_END:
	case ST_KEY:
	case ST_COLON:
	case ST_VALUE:
	case ST_VALUE_OR_END:
	case ST_AFTER:
	case ST_END:
		step_token(s, c);
		break;
	}
}

/* The bytes from p that are plain ASCII of a string, which is most of any
 * record: nothing changes but the place. */
static size_t plain_run(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= 0x20 && p[i] < 0x80 && p[i] != '"' &&
	       p[i] != '\\')
		i++;
	return i;
}

enum scan_result scan_feed(struct scan *s, const char *buf, size_t n)
{
	const unsigned char *p = (const unsigned char *)buf;
	size_t i = 0, run;

	while (i < n && s->result != SCAN_INVALID) {
		if (s->state == ST_STRING && s->utf8_left == 0) {
			run = plain_run(p + i, n - i);
			i += run;
			s->bytes += run;
			s->column += (unsigned)run;
			if (i == n)
				break;
		}
		step(s, p[i]);
		if (s->result == SCAN_INVALID)
			break;
		/* a character counts when its last byte is there */
		if (p[i] == '\n') {
			s->line++;
			s->column = 1;
		} else if (s->utf8_left == 0) {
			s->column++;
		}
		i++;
		s->bytes++;
	}
	return s->result;
}

const char *scan_missing(const struct scan *s)
{
	if (s->result != SCAN_MORE)
		return NULL;
	switch ((enum state)s->state) {
	case ST_START:
		return "the file is empty";
	case ST_STRING:
	case ST_ESCAPE:
	case ST_HEX:
	case ST_LOW_SLASH:
	case ST_LOW_U:
		return "the file ends inside a string";
	case ST_KEY_OR_END:
	case ST_KEY:
		return "the file ends where a key or } should follow";
	case ST_COLON:
		return "the file ends after a key";
	case ST_VALUE:
	case ST_VALUE_OR_END:
	case ST_LITERAL:
	case ST_MINUS:
	case ST_DOT:
	case ST_E:
	case ST_E_SIGN:
		return "the file ends where a value should be";
	case ST_AFTER:
	case ST_ZERO:
	case ST_INT:
	case ST_FRACTION:
	case ST_EXPONENT:
		return in_object(s) ? "the file ends before its closing }" :
			"the file ends before a closing ]";
	case ST_END:
		break;
	}
	return NULL;
}

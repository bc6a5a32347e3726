#include "log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* A line is made of at most LOG_RAW bytes of text; escaping may widen each of
 * them to four ("\x1b"). */
#define LOG_RAW 1024
#define LOG_LINE (4 * LOG_RAW + 4)

static log_sink_fn *log_sink;
static enum log_level log_max = LOG_LEVEL_WARN;

void log_set_sink(log_sink_fn *sink, enum log_level max_level)
{
	log_sink = sink;
	log_max = max_level;
}

bool log_enabled(enum log_level level)
{
	return level <= log_max;
}

static size_t put_escape(char *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	out[0] = '\\';
	switch (c) {
	case '\n':
		out[1] = 'n';
		return 2;
	case '\r':
		out[1] = 'r';
		return 2;
	case '\t':
		out[1] = 't';
		return 2;
	default:
		out[1] = 'x';
		out[2] = hex[c >> 4];
		out[3] = hex[c & 15];
		return 4;
	}
}

/* Controls become visible: C0, DEL, and the C1 set, which UTF-8 spells
 * 0xc2 0x80..0x9f and which some terminals obey as well. */
static void escape_line(const char *raw, char *out)
{
	const unsigned char *p = (const unsigned char *)raw;
	size_t o = 0;

	for (; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f) {
			o += put_escape(out + o, *p);
		} else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) {
			p++;
			o += put_escape(out + o, *p);
		} else {
			out[o++] = (char)*p;
		}
	}
	out[o] = '\0';
}

/* Where a cut text must end so that no code point is torn. */
static void end_at_code_point(char *s, size_t n)
{
	size_t i = n, need;
	unsigned char c;

	while (i > 0 && n - i < 3 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
		i--;
	if (i == 0)
		return;
	c = (unsigned char)s[i - 1];
	need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	if (need > n - i + 1)
		s[i - 1] = '\0';
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	char raw[LOG_RAW], line[LOG_LINE];
	va_list ap;
	int n;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(raw))
		end_at_code_point(raw, sizeof(raw) - 1);
	escape_line(raw, line);
	if (log_sink != NULL)
		log_sink(level, line);
	else
		fprintf(stderr, "airtablefs: %s\n", line);
}

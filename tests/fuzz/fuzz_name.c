/* P13: any remote text gives a name that a file can have and no path. */
#include <assert.h>
#include <string.h>

#include "name.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char out[NAME_BUF], text[NAME_BUF];
	const char *suffix;

	if (n < 1)
		return 0;
	suffix = (data[0] & 1) != 0 ? RECORD_SUFFIX : "";
	name_make((const char *)data + 1, n - 1, "recAAAAAAAAAAAAAA",
		  (data[0] & 2) != 0, suffix, out);
	assert(out[0] != '\0' && out[0] != '.' && strlen(out) <= NAME_BYTES_MAX);
	for (const char *p = out; *p != '\0'; p++)
		assert(*p != '/' && (unsigned char)*p >= 0x20 && *p != 0x7f);
	assert(suffix[0] == '\0' || name_is_record(out));
	(void)name_to_text(out, suffix, text);
	return 0;
}

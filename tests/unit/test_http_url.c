/* Which addresses may be talked to (P9: the token goes to no other). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "airtable/http.h"

static const struct {
	const char *url;
	bool want;
} url_rows[] = {
	{ "https://api.airtable.com", true },
	{ "https://api.airtable.com/v0/meta/whoami?x=y", true },
	{ "HTTPS://API.AIRTABLE.COM/", true },
	{ "https://10.0.0.1:8443", true },
	{ "https://[2001:db8::1]/", true },
	{ "http://localhost:8080", true },
	{ "http://LocalHost/", true },
	{ "http://127.0.0.1:1", true },
	{ "http://127.8.9.10", true },
	{ "http://[::1]:8080/v0", true },
	{ "http://api.airtable.com", false },
	{ "http://localhost.evil.org", false },
	{ "http://127.0.0.1.evil.org", false },
	{ "http://evil.org/127.0.0.1", false },
	{ "http://127.0.0.1@evil.org/", false },
	{ "http://evil.org#@127.0.0.1", false },
	{ "http://evil.org\\@127.0.0.1", false },
	{ "http://128.0.0.1", false },
	{ "http://0.0.0.0", false },
	{ "http://[::]", false },
	{ "http://[::2]", false },
	{ "http://10.0.0.1", false },
	{ "https://user@api.airtable.com", false },
	{ "https://user:pw@api.airtable.com", false },
	{ "ftp://127.0.0.1", false },
	{ "file:///etc/passwd", false },
	{ "https://", false },
	{ "api.airtable.com", false },
	{ "localhost:8080", false },
	{ "", false },
	{ "http://", false },
	{ "https://a b/", false },
	{ "https://a\nb/", false },
};

static void test_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(url_rows) / sizeof(url_rows[0]); i++) {
		char reason[128];
		bool got;

		memset(reason, 'x', sizeof(reason));
		got = http_url_is_allowed(url_rows[i].url, reason);
		if (got != url_rows[i].want)
			fail_msg("'%s': %s", url_rows[i].url, reason);
		if ((reason[0] == '\0') != got)
			fail_msg("'%s': reason '%.100s'", url_rows[i].url,
				 reason);
	}
}

static void test_addresses(void **state)
{
	static const struct {
		int family;
		const char *text;
		bool want;
	} rows[] = {
		{ AF_INET, "127.0.0.1", true },
		{ AF_INET, "127.255.0.9", true },
		{ AF_INET, "0.0.0.0", false },
		{ AF_INET, "192.168.0.1", false },
		{ AF_INET, "169.254.169.254", false },
		{ AF_INET6, "::1", true },
		{ AF_INET6, "::", false },
		{ AF_INET6, "fe80::1", false },
		{ AF_INET6, "::ffff:127.0.0.1", true },
		{ AF_INET6, "::ffff:8.8.8.8", false },
	};
	struct sockaddr local = { .sa_family = AF_UNIX };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		union {
			struct sockaddr sa;
			struct sockaddr_in in;
			struct sockaddr_in6 in6;
		} a = { .in6 = { 0 } };

		a.sa.sa_family = (sa_family_t)rows[i].family;
		assert_int_equal(
			inet_pton(rows[i].family, rows[i].text,
				  rows[i].family == AF_INET ?
					  (void *)&a.in.sin_addr :
					  (void *)&a.in6.sin6_addr), 1);
		if (http_address_is_loopback(&a.sa) != rows[i].want)
			fail_msg("%s", rows[i].text);
	}
	assert_false(http_address_is_loopback(&local));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

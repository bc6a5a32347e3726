#include "http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static bool is_loopback4(const unsigned char a[4])
{
	return a[0] == 127; /* 127.0.0.0/8, RFC 1122 */
}

bool http_address_is_loopback(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	/* Copied, for the caller's storage may be a struct of another type. */
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return is_loopback4((const unsigned char *)&in.sin_addr);
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&in6, sa, sizeof(in6));
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return is_loopback4(&in6.sin6_addr.s6_addr[12]);
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static bool is_loopback_host(const char *host)
{
	unsigned char a4[4];
	struct in6_addr a6;
	char inner[64];
	size_t n = strlen(host);

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, a4) == 1)
		return is_loopback4(a4);
	if (n < 3 || n - 2 >= sizeof(inner) || host[0] != '[' ||
	    host[n - 1] != ']')
		return false;
	memcpy(inner, host + 1, n - 2);
	inner[n - 2] = '\0';
	return inet_pton(AF_INET6, inner, &a6) == 1 &&
	       IN6_IS_ADDR_LOOPBACK(&a6);
}

static const char *part(CURLU *u, CURLUPart what, char **hold)
{
	curl_free(*hold);
	*hold = NULL;
	return curl_url_get(u, what, hold, 0) == CURLUE_OK ? *hold : NULL;
}

/* NULL = allowed, else what is wrong with it. */
static const char *judge(CURLU *u)
{
	char *hold = NULL;
	const char *wrong = NULL, *s;
	bool plain = false;

	s = part(u, CURLUPART_SCHEME, &hold);
	if (s == NULL)
		wrong = "it has no scheme";
	else if (strcmp(s, "http") == 0)
		plain = true;
	else if (strcmp(s, "https") != 0)
		wrong = "only https is spoken";
	/* A name before an '@' is easily taken for the host. */
	if (wrong == NULL && (part(u, CURLUPART_USER, &hold) != NULL ||
			      part(u, CURLUPART_PASSWORD, &hold) != NULL))
		wrong = "a user name does not belong there";
	if (wrong == NULL) {
		s = part(u, CURLUPART_HOST, &hold);
		if (s == NULL || s[0] == '\0')
			wrong = "it has no host";
		else if (plain && !is_loopback_host(s))
			wrong = "http is spoken with this machine only; use "
				"https";
	}
	curl_free(hold);
	return wrong;
}

/* curl's own parser decides: what it will connect to is what was checked. */
bool http_url_is_allowed(const char *url, char reason[static 128])
{
	const char *wrong;
	CURLU *u;

	reason[0] = '\0';
	u = curl_url();
	if (u == NULL)
		wrong = "out of memory";
	else if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		wrong = "it is no URL";
	else
		wrong = judge(u);
	curl_url_cleanup(u);
	if (wrong == NULL)
		return true;
	snprintf(reason, 128, "%s", wrong);
	return false;
}

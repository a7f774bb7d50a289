/* media_rtcpjson.c: any bytes as RTCP for collectors: whole JSON, or none. */
#include <jansson.h>
#include <stdlib.h>
#include "media/rtcpjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char buf[RTCPJSON_MAX];
	size_t n = rtcpjson_encode(buf, data, size);
	json_t *j;

	if (!n)
		return 0;
	j = json_loadb(buf, n, 0, NULL);
	if (!j || !json_is_integer(json_object_get(j, "ssrc")))
		abort();
	json_decref(j);

	return 0;
}

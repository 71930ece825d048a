"""Hook of Schemathesis: how bodies of media types are sent that it does not know."""

import schemathesis

# The part of an upload that a PATCH carries (tus 1.0).
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

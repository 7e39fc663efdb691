"""The type of whatever JSON can say."""

_Scalar = str | int | float | bool | None
Json = _Scalar | list["Json"] | dict[str, "Json"]

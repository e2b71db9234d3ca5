"""SSE bytes in, SSE bytes out, and what happened in between. Pure: time comes in as an argument.

decode      bytes -> events, whatever the line ends and wherever the network cut
watch       events -> when did the first token come, did the answer end whole, what broke
merge       many small text events -> few, without decoding a character of the text
aggregate   chunks -> the one object a non-streaming client asked for

Underneath: `parse` reads JSON as leniently as clients do, `shape` recognises the next event of a stream from the last
one, `fault` reads an error that arrives in the stream.
"""

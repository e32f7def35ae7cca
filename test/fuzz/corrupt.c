/*-------------------------------------------------------------------------
 *
 * corrupt.c
 *		What befalls stored bytes: flipped bits, lost ends, foreign bytes.
 *
 * All of it is drawn from a hash of the input.  If the input named the new
 * bytes, libFuzzer, which sees what a checksum is compared to, would learn to
 * forge checksums, and that is no corruption.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "corrupt.h"

/* splitmix64 */
static uint64
next_random(uint64 *random)
{
	uint64		z = (*random += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static Size
below(uint64 *random, Size n)
{
	return next_random(random) % n;
}

uint64
random_seed(const void *data, Size size)
{
	const unsigned char *byte = data;
	uint64		hash = size;

	while (size-- > 0)
	{
		hash ^= *byte++;
		(void) next_random(&hash);
	}
	return hash;
}

static void
flip_bits(uint64 *random, char *bytes, Size size)
{
	for (Size n = 1 + below(random, 4); n > 0; n--)
		bytes[below(random, size)] ^= 1 << below(random, 8);
}

/* Headers are where a byte means most. */
static void
change_header(uint64 *random, char *bytes, Size size)
{
	static const uint32 numbers[] = {0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x3FFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
	uint32		number = numbers[below(random, lengthof(numbers))];
	Size		width = below(random, 2) ? 1 : 4;

	if (size >= 16)
		memcpy(bytes + below(random, 13), &number, width);
}

static void
overwrite(uint64 *random, char *bytes, Size size)
{
	Size		start = below(random, size);
	Size		length = 1 + below(random, Min(size - start, 512));
	bool		zeros = below(random, 2);

	while (length-- > 0)
		bytes[start++] = zeros ? 0 : (char) next_random(random);
}

static void
copy_within(uint64 *random, char *bytes, Size size)
{
	Size		from = below(random, size);
	Size		to = below(random, size);

	memmove(bytes + to, bytes + from, 1 + below(random, size - Max(from, to)));
}

/* As a block that was read one byte further on. */
static Size
lose_byte(uint64 *random, char *bytes, Size size)
{
	Size		at = below(random, size);

	memmove(bytes + at, bytes + at + 1, size - at - 1);
	return size - 1;
}

static Size
grow(uint64 *random, char *bytes, Size size)
{
	bool		zeros = below(random, 2);

	for (Size n = 1 + below(random, CORRUPT_GROWTH); n > 0; n--)
		bytes[size++] = zeros ? 0 : (char) next_random(random);
	return size;
}

Size
corrupt(uint64 *random, char *bytes, Size size)
{
	if (size == 0)
		return grow(random, bytes, size);

	switch (below(random, 8))
	{
		case 0:
		case 1:
			flip_bits(random, bytes, size);
			return size;
		case 2:
			change_header(random, bytes, size);
			return size;
		case 3:
			overwrite(random, bytes, size);
			return size;
		case 4:
			copy_within(random, bytes, size);
			return size;
		case 5:
			return lose_byte(random, bytes, size);
		case 6:
			return below(random, size);
		default:
			return grow(random, bytes, size);
	}
}

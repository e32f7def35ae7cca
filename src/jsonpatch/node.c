/*-------------------------------------------------------------------------
 *
 * node.c
 *		A JSON document as a tree that can be changed.
 *
 * An item is inserted into an array, and a member into an object, by moving
 * those behind it: 8 or 24 bytes for each, by memmove.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "compat.h"
#include "jsonpatch/node.h"
#include "jsonpatch/value.h"

static uint64
packed_size(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return value->val.string.len;
		case jbvNumeric:
			return VARSIZE_ANY(value->val.numeric);
		case jbvBinary:
			return value->val.binary.len;
		default:
			return 0;
	}
}

JsonNode *
node_make(const JsonbValue *value)
{
	JsonNode   *node = (JsonNode *) palloc(sizeof(JsonNode));

	node->kind = NODE_VALUE;
	node->references = 1;
	node->count = node->capacity = 0;
	node->size = packed_size(value);
	node->val.value = *value;
	return node;
}

JsonNode *
node_share(JsonNode *node)
{
	node->references++;
	return node;
}

void
node_release(JsonNode *node)
{
	check_stack_depth();

	Assert(node->references > 0);
	if (--node->references > 0)
		return;
	if (node->kind == NODE_ARRAY)
	{
		for (uint32 i = 0; i < node->count; i++)
			node_release(node->val.items[i]);
		pfree(node->val.items);
	}
	else if (node->kind == NODE_OBJECT)
	{
		for (uint32 i = 0; i < node->count; i++)
			node_release(node->val.members[i].value);
		pfree(node->val.members);
	}
	pfree(node);
}

/* ---- unpacking, cloning ---- */

static void
unpack_array(JsonNode *node)
{
	uint32		count;
	JsonbValue *values = value_items(&node->val.value, &count);

	node->kind = NODE_ARRAY;
	node->count = count;
	node->capacity = Max(1, count);
	node->val.items = (JsonNode **) palloc_extended(sizeof(JsonNode *) * (Size) node->capacity,
													MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < count; i++)
		node->val.items[i] = node_make(&values[i]);
	pfree(values);
}

static void
unpack_object(JsonNode *node)
{
	uint32		count;
	ValueMember *members = value_members(&node->val.value, &count);

	node->kind = NODE_OBJECT;
	node->count = count;
	node->capacity = Max(1, count);
	node->val.members = (NodeMember *) palloc_extended(sizeof(NodeMember) * (Size) node->capacity,
													   MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < count; i++)
	{
		node->val.members[i].key = members[i].key.val.string.val;
		node->val.members[i].length = members[i].key.val.string.len;
		node->val.members[i].value = node_make(&members[i].value);
	}
	pfree(members);
}

void
node_unpack(JsonNode *node)
{
	if (node->kind != NODE_VALUE)
		return;
	if (value_is_array(&node->val.value))
		unpack_array(node);
	else if (value_is_object(&node->val.value))
		unpack_object(node);
}

JsonNode *
node_own(JsonNode **node)
{
	JsonNode   *original = *node;
	JsonNode   *clone;

	if (original->references == 1)
		return original;

	clone = (JsonNode *) palloc(sizeof(JsonNode));
	*clone = *original;
	clone->references = 1;
	if (clone->kind == NODE_ARRAY)
	{
		Size		size = sizeof(JsonNode *) * (Size) clone->capacity;

		clone->val.items = (JsonNode **) palloc_extended(size, MCXT_ALLOC_HUGE);
		memcpy(clone->val.items, original->val.items, sizeof(JsonNode *) * (Size) clone->count);
		for (uint32 i = 0; i < clone->count; i++)
			(void) node_share(clone->val.items[i]);
	}
	else if (clone->kind == NODE_OBJECT)
	{
		Size		size = sizeof(NodeMember) * (Size) clone->capacity;

		clone->val.members = (NodeMember *) palloc_extended(size, MCXT_ALLOC_HUGE);
		memcpy(clone->val.members, original->val.members, sizeof(NodeMember) * (Size) clone->count);
		for (uint32 i = 0; i < clone->count; i++)
			(void) node_share(clone->val.members[i].value);
	}
	node_release(original);
	*node = clone;
	return clone;
}

/* ---- members ---- */

/* Where a key is, or belongs. */
static uint32
member_place(const JsonNode *object, const char *key, int length, bool *found)
{
	uint32		low = 0;
	uint32		high = object->count;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		const NodeMember *member = &object->val.members[middle];
		int			order = value_compare_keys(member->key, member->length, key, length);

		if (order == 0)
		{
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = false;
	return low;
}

JsonNode **
node_find_member(JsonNode *object, const char *key, int length)
{
	bool		found;
	uint32		place = member_place(object, key, length, &found);

	return found ? &object->val.members[place].value : NULL;
}

void
node_insert_member(JsonNode *object, const char *key, int length, JsonNode *value)
{
	bool		found;
	uint32		place = member_place(object, key, length, &found);
	NodeMember *members;

	Assert(!found);
	if (object->count == object->capacity)
	{
		object->capacity *= 2;
		object->val.members = (NodeMember *)
			repalloc_huge(object->val.members, sizeof(NodeMember) * (Size) object->capacity);
	}
	members = object->val.members;
	memmove(&members[place + 1], &members[place], sizeof(NodeMember) * (object->count - place));
	members[place].key = key;
	members[place].length = length;
	members[place].value = value;
	object->count++;
	object->size += NODE_MEMBER_SIZE + length + value->size;
}

JsonNode *
node_take_member(JsonNode *object, const char *key, int length)
{
	bool		found;
	uint32		place = member_place(object, key, length, &found);
	NodeMember *members = object->val.members;
	JsonNode   *value = members[place].value;

	Assert(found);
	object->count--;
	memmove(&members[place], &members[place + 1], sizeof(NodeMember) * (object->count - place));
	object->size -= NODE_MEMBER_SIZE + length + value->size;
	return value;
}

/* ---- items ---- */

void
node_insert_item(JsonNode *array, uint32 index, JsonNode *item)
{
	JsonNode  **items;

	Assert(index <= array->count);
	if (array->count == array->capacity)
	{
		array->capacity *= 2;
		array->val.items = (JsonNode **)
			repalloc_huge(array->val.items, sizeof(JsonNode *) * (Size) array->capacity);
	}
	items = array->val.items;
	memmove(&items[index + 1], &items[index], sizeof(JsonNode *) * (array->count - index));
	items[index] = item;
	array->count++;
	array->size += NODE_ITEM_SIZE + item->size;
}

JsonNode *
node_take_item(JsonNode *array, uint32 index)
{
	JsonNode  **items = array->val.items;
	JsonNode   *item = items[index];

	Assert(index < array->count);
	array->count--;
	memmove(&items[index], &items[index + 1], sizeof(JsonNode *) * (array->count - index));
	array->size -= NODE_ITEM_SIZE + item->size;
	return item;
}

void
node_replace_child(JsonNode *container, JsonNode **child, JsonNode *value)
{
	container->size += value->size - (*child)->size;
	node_release(*child);
	*child = value;
}

/* ---- equality ---- */

static bool
array_equals(JsonNode *array, const JsonbValue *value)
{
	uint32		count;
	JsonbValue *items;
	bool		result = true;

	if (!value_is_array(value) || (uint32) JsonContainerSize(value->val.binary.data) != array->count)
		return false;
	items = value_items(value, &count);
	for (uint32 i = 0; i < count && result; i++)
		result = node_equals(array->val.items[i], &items[i]);
	pfree(items);
	return result;
}

static bool
object_equals(JsonNode *object, const JsonbValue *value)
{
	uint32		count;
	ValueMember *members;
	bool		result = true;

	if (!value_is_object(value) || (uint32) JsonContainerSize(value->val.binary.data) != object->count)
		return false;
	members = value_members(value, &count);
	for (uint32 i = 0; i < count && result; i++)
	{
		const NodeMember *member = &object->val.members[i];
		const JsonbValue *key = &members[i].key;

		result = value_compare_keys(member->key, member->length,
									key->val.string.val, key->val.string.len) == 0 &&
			node_equals(member->value, &members[i].value);
	}
	pfree(members);
	return result;
}

bool
node_equals(JsonNode *node, const JsonbValue *value)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	switch (node->kind)
	{
		case NODE_ARRAY:
			return array_equals(node, value);
		case NODE_OBJECT:
			return object_equals(node, value);
		default:
			return value_is_equal(&node->val.value, value);
	}
}

const char *
node_type_name(const JsonNode *node)
{
	switch (node->kind)
	{
		case NODE_ARRAY:
			return "array";
		case NODE_OBJECT:
			return "object";
		default:
			return value_type_name(&node->val.value);
	}
}

/* ---- building ---- */

static void
set_array(JsonbValue *value, JsonbValue *items, uint32 count)
{
	value->type = jbvArray;
	value->val.array.nElems = count;
	value->val.array.elems = items;
	value->val.array.rawScalar = false;
}

static JsonbPair *
make_pairs(JsonbValue *object, uint32 count)
{
	JsonbPair  *pairs = (JsonbPair *) palloc_extended(sizeof(JsonbPair) * Max(1, (Size) count),
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	object->type = jbvObject;
	object->val.object.nPairs = count;
	object->val.object.pairs = pairs;
	return pairs;
}

/* A packed container becomes one of values, as JsonbValueToJsonb() needs it. */
static void
build_packed(JsonbValue *value)
{
	uint32		count;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (value_is_array(value))
	{
		JsonbValue *items = value_items(value, &count);

		for (uint32 i = 0; i < count; i++)
			build_packed(&items[i]);
		set_array(value, items, count);
	}
	else if (value_is_object(value))
	{
		ValueMember *members = value_members(value, &count);
		JsonbPair  *pairs = make_pairs(value, count);

		for (uint32 i = 0; i < count; i++)
		{
			pairs[i].key = members[i].key;
			pairs[i].value = members[i].value;
			build_packed(&pairs[i].value);
		}
		pfree(members);
	}
}

/*
 * Turns a node into a value in its place.  One with many parents is turned
 * once, and its items are in the memory once: where the jsonb is written out
 * is the first time that copies take room.  Hence no pushJsonbValue() here.
 */
static const JsonbValue *
build_node(JsonNode *node)
{
	JsonbValue	value;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (node->kind == NODE_VALUE)
	{
		build_packed(&node->val.value);
		return &node->val.value;
	}
	if (node->kind == NODE_ARRAY)
	{
		JsonbValue *items = (JsonbValue *) palloc_extended(sizeof(JsonbValue) * Max(1, (Size) node->count),
														   MCXT_ALLOC_HUGE);

		for (uint32 i = 0; i < node->count; i++)
			items[i] = *build_node(node->val.items[i]);
		set_array(&value, items, node->count);
	}
	else
	{
		JsonbPair  *pairs = make_pairs(&value, node->count);

		for (uint32 i = 0; i < node->count; i++)
		{
			const NodeMember *member = &node->val.members[i];

			pairs[i].key.type = jbvString;
			pairs[i].key.val.string.val = unconstify(char *, member->key);
			pairs[i].key.val.string.len = member->length;
			pairs[i].value = *build_node(member->value);
		}
	}
	node->kind = NODE_VALUE;
	node->val.value = value;
	return &node->val.value;
}

Jsonb *
node_to_jsonb(JsonNode *node)
{
	/* Nothing in it was looked for: it is a jsonb as it is. */
	if (node->kind == NODE_VALUE)
		return value_to_jsonb(&node->val.value);
	return value_to_jsonb(build_node(node));
}

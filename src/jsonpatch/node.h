/*-------------------------------------------------------------------------
 *
 * node.h
 *		A JSON document as a tree that can be changed.
 *
 * Containers stay packed, as they are in the jsonb, until something inside them
 * is looked for: a patch unpacks what its paths go through.  A node can have
 * several parents, which is what "copy" makes; it is cloned before it changes
 * (node_own), its children being shared then.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_JSONPATCH_NODE_H
#define CVWIZ_JSONPATCH_NODE_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef struct JsonNode JsonNode;

typedef enum NodeKind
{
	NODE_VALUE,					/* a scalar, or a container that is packed */
	NODE_ARRAY,
	NODE_OBJECT
} NodeKind;

typedef struct NodeMember
{
	const char *key;			/* not the node's to free */
	int			length;
	JsonNode   *value;
} NodeMember;

struct JsonNode
{
	NodeKind	kind;
	uint32		references;		/* parents, and others that hold it */
	uint32		count;
	uint32		capacity;
	uint64		size;			/* about the bytes that it takes in a jsonb */
	union
	{
		JsonbValue	value;
		JsonNode  **items;
		NodeMember *members;	/* in jsonb's order of keys */
	}			val;
};

/* What a member or an item takes in its container, beside key and value. */
#define NODE_ITEM_SIZE		sizeof(JEntry)
#define NODE_MEMBER_SIZE	(2 * sizeof(JEntry))

/* A node with one reference; the value's memory has to stay. */
extern JsonNode *node_make(const JsonbValue *value);

/* Another reference, and one less, with which a node may go. */
extern JsonNode *node_share(JsonNode *node);
extern void node_release(JsonNode *node);

/* Unpacks a container; others stay as they are. */
extern void node_unpack(JsonNode *node);

/* The node itself if it has one parent only, otherwise a clone in its place. */
extern JsonNode *node_own(JsonNode **node);

/*
 * Inside an object that is unpacked: where the key's value is, or NULL.  What
 * follows is for nodes that are owned; sizes of their parents are the caller's
 * business.
 */
extern JsonNode **node_find_member(JsonNode *object, const char *key, int length);
extern void node_insert_member(JsonNode *object, const char *key, int length, JsonNode *value);
extern JsonNode *node_take_member(JsonNode *object, const char *key, int length);

extern void node_insert_item(JsonNode *array, uint32 index, JsonNode *item);
extern JsonNode *node_take_item(JsonNode *array, uint32 index);

/* Puts a value in a child's place. */
extern void node_replace_child(JsonNode *container, JsonNode **child, JsonNode *value);

/* As RFC 6902 says: numbers by value. */
extern bool node_equals(JsonNode *node, const JsonbValue *value);

/* "object", "string" …, for messages. */
extern const char *node_type_name(const JsonNode *node);

/* The node is of no further use then. */
extern Jsonb *node_to_jsonb(JsonNode *node);

#endif							/* CVWIZ_JSONPATCH_NODE_H */

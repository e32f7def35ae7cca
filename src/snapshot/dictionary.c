/*-------------------------------------------------------------------------
 *
 * dictionary.c
 *		The preset dictionaries of the codec: text that a deflated document
 *		can refer to before it has said anything itself.
 *
 * FROZEN.  Stored values cannot be read without the very bytes that they were
 * written with.  A better dictionary is another number, never another text.
 *
 * zlib finds what stands near the end with the fewest bits, so the likeliest
 * comes last.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "snapshot/dictionary.h"

static const char dictionary_1[] =
"Bachelor of Science in Computer Science, Master of Science, Bachelor of Arts, University of California, "
"Institute of Technology, Stanford University, Certified Solutions Architect, Scrum Master, "
"January February March April May June July August September October November December "
"San Francisco, New York, London, Berlin, Remote, United States, "
"JavaScript, TypeScript, Python, React, Node.js, PostgreSQL, Docker, Kubernetes, AWS, GraphQL, Redis, Git, Linux, "
"Java, Go, Rust, C++, SQL, MongoDB, Terraform, CI/CD, machine learning, data engineering, microservices, "
"Senior Software Engineer, Full Stack Developer, Product Manager, Engineering Manager, Data Scientist, "
"communication, leadership, problem solving, responsible for the development of, with a focus on, in order to, "
"collaborated with cross-functional teams to deliver, designed and implemented a scalable, led a team of engineers, "
"reduced the time of, increased revenue by, improved performance by, which resulted in, as well as, across multiple, "
"managed, developed, built, maintained, mentored, migrated, automated, optimized, launched, architected, "
"more than, users, customers, systems, applications, services, infrastructure, experience, project, business, "
" and the of to in for with that from on by at as is was were are this it an be have has had not which their "
"https://www.linkedin.com/in/ https://github.com/ http://www. .com/ .org/ @gmail.com +1 (555) "
"\"type\": \"value\": \"key\": \"items\": \"data\": \"label\": \"text\": \"content\": \"metadata\": \"version\": "
"\"settings\": {\"theme\": \"template\": \"modern\", \"color\": \"font\": \"layout\": \"sections\": [{\"visible\": true, "
"\"address\": \"city\": \"country\": \"postalCode\": \"region\": \"countryCode\": "
"\"languages\": [{\"language\": \"English\", \"fluency\": \"Native speaker\"}, \"awards\": [{\"awarder\": "
"\"certifications\": [{\"issuer\": \"issueDate\": \"expiryDate\": \"credentialId\": \"publications\": [{\"publisher\": \"releaseDate\": "
"\"volunteer\": [{\"organization\": \"references\": [{\"reference\": \"interests\": [{\"keywords\": [\""
"\"education\": [{\"institution\": \"area\": \"studyType\": \"degree\": \"field\": \"gpa\": \"courses\": [\""
"\"skills\": [{\"level\": \"category\": \"proficiency\": \"years\": "
"\"basics\": {\"profiles\": [{\"network\": \"username\": \"image\": \"phone\": \"email\": \"website\": "
"\"projects\": [{\"technologies\": [\"work\": [{\"experiences\": [{\"achievements\": [\"highlights\": [\""
"\"createdAt\": \"2024-01-01T00:00:00.000Z\", \"updatedAt\": \"2025-01-01T00:00:00.000Z\", \"deletedAt\": null, "
"\"userId\": \"profileId\": \"resumeId\": \"firstName\": \"lastName\": \"fullName\": \"headline\": \"label\": "
"\"company\": \"position\": \"location\": \"employmentType\": \"Full-time\", \"startDate\": \"2020-01-01\", \"endDate\": null, "
"\"current\": true, \"isCurrent\": false, \"status\": \"active\", \"enabled\": true, \"count\": 0, "
"\"summary\": \"description\": \"title\": \"name\": \"url\": \"order\": 0, \"date\": \"2023-"
"\"tags\": [], \"notes\": \"\", \"link\": null, \"start\": \"end\": false}, {\"id\": 1, \"name\": \"}], \""
"\", \"description\": \"\", \"highlights\": [\"\", \"id\": \"";

StaticAssertDecl(sizeof(dictionary_1) <= 4096, "a dictionary has less than 4 kB");

const char *
dictionary_text(int number, uint32 *length)
{
	if (number != 1)
		return NULL;
	*length = sizeof(dictionary_1) - 1;
	return dictionary_1;
}

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
 * comes last.  Keys follow one another as in the text of a jsonb, shorter ones
 * first, with the punctuation between them: the longer a match, the better.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "snapshot/dictionary.h"

static const char dictionary_1[] =
"Bachelor of Science in Computer Science, Master of Science, Bachelor of Arts, University of California, Doctor of Philosophy, "
"Institute of Technology, Stanford University, Certified Solutions Architect, Scrum Master, Business Administration, Economics, "
"January February March April May June July August September October November December "
"San Francisco, CA, New York, NY, London, United Kingdom, Berlin, Germany, Paris, France, Toronto, Canada, Spain, India, Remote, United States, "
"JavaScript, TypeScript, Python, React, Node.js, PostgreSQL, Docker, Kubernetes, AWS, GraphQL, Redis, Git, Linux, HTML, CSS, "
"Java, Go, Rust, C++, SQL, MongoDB, Terraform, CI/CD, machine learning, data engineering, microservices, "
"Senior Software Engineer, Full Stack Developer, Product Manager, Engineering Manager, Data Scientist, Designer, Analyst, Consultant, Director, "
"communication, leadership, problem solving, responsible for the development of, with a focus on, in order to, a variety of, "
"collaborated with cross-functional teams to deliver, designed and implemented a scalable, led a team of engineers, "
"reduced the time of, increased revenue by, improved performance by, which resulted in, as well as, across multiple, "
"Managed, Developed, Built, Maintained, Mentored, Migrated, Automated, Optimized, Launched, Designed, Created, Reduced, Introduced, "
"every day, years of, through, between, before, after, during, without, because, different, several, whether, would be, should be, could be, there is, "
"most important, people, company, support, process, information, management, technical, services, applications, infrastructure, experience, project, business, customers, systems, users, number of, one of the, "
"when they, where we, while it, who will, only if, more than, other, these, those, than, then, them, new, two, three, first, can be, may be, must be, has been, used to, into, over, about, such as, so that, "
"is not, it is, was the, are not, all of the, by the, with the, from the, that the, at the, on the, for the, in a, of a, to be, and the, to the, in the, of the "
"http://www. https://www.linkedin.com/in/ https://github.com/ .com/ .org/ @gmail.com +1 (555) "
"\"type\": \"value\": \"key\": \"data\": \"items\": [{\"text\": \"label\": \"content\": \"metadata\": {\"source\": "
"\"theme\": \"color\": \"#ffffff\", \"template\": \"modern\", \"fontSize\": 11, \"sections\": [\"settings\": {\"font\": \"layout\": \"visible\": true, "
"\"level\": \"category\": \"language\": \"English\", \"fluency\": \"Native speaker\", \"proficiency\": "
"\"date\": \"2024-\", \"awarder\": \"publisher\": \"releaseDate\": \"issuer\": \"issueDate\": \"expiryDate\": \"credentialId\": "
"\"awards\": [], \"courses\": [], \"volunteer\": [{\"organization\": \"references\": [{\"reference\": \"interests\": [], \"publications\": [], \"certifications\": [], \"languages\": [{"
"\"basics\": {\"image\": \"phone\": \"+1 \", \"website\": null, \"profiles\": [{\"url\": \"network\": \"LinkedIn\", \"username\": "
"\"city\": \"region\": \"address\": \"postalCode\": \"countryCode\": \"US\", "
"\"profile\": {\"id\": \"email\": \"phone\": \"userId\": \"summary\": \"fullName\": \"headline\": \"lastName\": \"firstName\": "
"\"version\": 1, \"deletedAt\": null, \"createdAt\": \"2024-01-01T00:00:00.000Z\", \"updatedAt\": \"2025-01-01T00:00:00.000Z\", \"resumeId\": "
"\"skills\": [{\"id\": \"name\": \"level\": \"order\": 0, \"years\": 5, \"keywords\": [\""
"\"education\": [{\"id\": \"gpa\": null, \"area\": \"url\": \"score\": \"field\": \"order\": 0, \"degree\": \"endDate\": \"2019-06-01\", \"startDate\": \"2015-09-01\", \"studyType\": \"Bachelor\", \"institution\": \"University of "
"\"projects\": [{\"id\": \"url\": \"https://github.com/\", \"name\": \"order\": 0, \"endDate\": null, \"startDate\": \"2022-"
"\"work\": [{\"name\": \"experiences\": [{\"id\": \"order\": 0, \"title\": \"company\": \"current\": true, \"endDate\": null, \"location\": \"position\": \"Senior \", \"profileId\": \"startDate\": \"2018-"
"-01\", \"createdAt\": \"202\", \"highlights\": [\".\", \"achievements\": [\".\"], \"description\": \".\"], \"technologies\": [\"Python\", \"JavaScript\", \""
"\"]}, {\"id\": \"\", \"url\": \"\", \"name\": \"\", \"order\": 1, \"company\": \"\", \"current\": false, \"endDate\": \"2020-0"
"-01\", \"summary\": \"\", \"location\": \"\", \"position\": \"\", \"startDate\": \"2020-01-01\", \"highlights\": [\""
".\"], \"description\": \"\", \"technologies\": [\"\", \"";

StaticAssertDecl(sizeof(dictionary_1) <= 4096, "a dictionary has less than 4 kB");

const char *
dictionary_text(int number, uint32 *length)
{
	if (number != 1)
		return NULL;
	*length = sizeof(dictionary_1) - 1;
	return dictionary_1;
}
